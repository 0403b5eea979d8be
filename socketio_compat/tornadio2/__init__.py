"""The Python API of TornadIO2: a program written for it runs after changing its import line to ``from socketio_compat import tornadio2``.

An application derives from `SocketConnection` (``conn``), gives it to a `TornadioRouter` (``router``), and puts the router's ``urls`` into
a ``tornado.web.Application``, which it serves by `SocketServer` (``server``) or by Tornado's own HTTPServer. These are thin skins over
``socketio_compat.v09``, which hold the user's callbacks and translate; no sets of subscribers, timers or bytes of their own.
"""

from socketio_compat.tornadio2 import (
    conn,
    flashserver,
    gen,
    periodic,
    persistent,
    polling,
    preflight,
    proto,
    router,
    server,
    session,
    sessioncontainer,
    stats,
)
from socketio_compat.tornadio2.conn import SocketConnection, event
from socketio_compat.tornadio2.router import TornadioRouter, TornadioServer
from socketio_compat.tornadio2.server import SocketServer

__all__ = [
    "SocketConnection",
    "SocketServer",
    "TornadioRouter",
    "TornadioServer",
    "conn",
    "event",
    "flashserver",
    "gen",
    "periodic",
    "persistent",
    "polling",
    "preflight",
    "proto",
    "router",
    "server",
    "session",
    "sessioncontainer",
    "stats",
]
