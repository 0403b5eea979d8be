"""TornadIO2's periodic calls (TornadIO API, B7): those of `socketio_compat.periodic`."""

from socketio_compat.periodic import Callback

__all__ = ["Callback"]
