"""TornadIO's server (TornadIO API, A4): that of `socketio_compat.server`."""

from socketio_compat.server import SocketServer

__all__ = ["SocketServer"]
