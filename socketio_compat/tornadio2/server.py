"""TornadIO2's server (TornadIO API, B7): that of `socketio_compat.server`."""

from socketio_compat.server import SocketServer

__all__ = ["SocketServer"]
