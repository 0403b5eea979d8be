"""TornadIO2's container of sessions (TornadIO API, B5): that of `socketio_compat.containers`."""

from socketio_compat.containers import SessionBase, SessionContainer

__all__ = ["SessionBase", "SessionContainer"]
