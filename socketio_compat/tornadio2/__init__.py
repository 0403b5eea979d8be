"""The Python API of TornadIO2: a program written for it runs after changing its import line.

Thin skins over ``socketio_compat.v09``, which hold the user's callbacks and translate; no timers, sets or bytes of their own.
"""

from socketio_compat.tornadio2 import gen
from socketio_compat.tornadio2.conn import ConnectionInfo, SocketConnection, event
from socketio_compat.tornadio2.router import TornadioRouter, TornadioServer
from socketio_compat.tornadio2.server import SocketServer

__version__ = (0, 0, 4)

__all__ = ["ConnectionInfo", "SocketConnection", "SocketServer", "TornadioRouter", "TornadioServer", "event", "gen"]
