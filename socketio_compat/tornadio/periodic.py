"""TornadIO's periodic calls (TornadIO API, A5): those of `socketio_compat.periodic`."""

from socketio_compat.periodic import Callback

__all__ = ["Callback"]
