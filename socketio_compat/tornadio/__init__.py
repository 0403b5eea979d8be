"""The Python API of TornadIO: a program written for it runs after changing its import line to ``from socketio_compat import tornadio``.

An application derives from `SocketConnection` (``conn``), has `get_router` (``router``) make a router of it, puts the router's ``route()``
into a ``tornado.web.Application``, and serves that by ``server.SocketServer`` or by Tornado's own HTTPServer. These are thin skins over
``socketio_compat.v06``, which hold the user's callbacks and translate; no sets of subscribers, timers or bytes of their own.
"""

from socketio_compat.tornadio import conn, flashserver, periodic, persistent, polling, pollingsession, proto, router, server, session
from socketio_compat.tornadio.conn import SocketConnection
from socketio_compat.tornadio.router import get_router

__version__ = (0, 0, 5)

__all__ = [
    "SocketConnection",
    "conn",
    "flashserver",
    "get_router",
    "periodic",
    "persistent",
    "polling",
    "pollingsession",
    "proto",
    "router",
    "server",
    "session",
]
