"""The originals' names, in a process of its own: what is imported here would stay."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import socketio_compat
assert "socketio_compat.tornadio2" not in sys.modules
socketio_compat.install_aliases()
socketio_compat.install_aliases()
import tornadio2
import tornadio2.router, tornadio2.proto as proto
from tornadio2 import SocketConnection, SocketServer, TornadioRouter, TornadioServer, event, gen
from tornadio2.conn import ConnectionInfo
from tornadio2.flashserver import FlashPolicyServer
from tornadio2.periodic import Callback
from tornadio2.persistent import TornadioFlashSocketHandler, TornadioWebSocketHandler
from tornadio2.polling import TornadioHtmlFileHandler, TornadioJSONPHandler, TornadioPollingHandlerBase, TornadioXHRPollingHandler
from tornadio2.preflight import PreflightHandler
from tornadio2.router import DEFAULT_SETTINGS, PROTOCOLS, HandshakeHandler
from tornadio2.session import Session
from tornadio2.sessioncontainer import SessionBase, SessionContainer
from tornadio2.stats import MovingAverage, StatsCollector
import socketio_compat.tornadio2.conn
assert tornadio2.conn is sys.modules["tornadio2.conn"] is socketio_compat.tornadio2.conn
assert tornadio2.router.TornadioServer is TornadioRouter
assert tornadio2.server.SocketServer is SocketServer
assert set(PROTOCOLS) - set(DEFAULT_SETTINGS["enabled_protocols"]) == {"flashsocket"}

import tornadio
import tornadio.router
from tornadio import SocketConnection, get_router
from tornadio.conn import SocketConnection
from tornadio.flashserver import FlashPolicyServer
from tornadio.periodic import Callback
from tornadio.persistent import TornadioFlashSocketHandler, TornadioWebSocketHandler
from tornadio.polling import TornadioHtmlFileSocketHandler, TornadioJSONPSocketHandler, TornadioPollingHandlerBase
from tornadio.polling import TornadioXHRMultipartSocketHandler, TornadioXHRPollingSocketHandler
from tornadio.pollingsession import PollingSession
from tornadio.proto import FRAME, HEARTBEAT, JSON, decode, encode
from tornadio.server import SocketServer as Same
from tornadio.session import Session, SessionContainer
import socketio_compat.tornadio.conn
assert tornadio.conn is sys.modules["tornadio.conn"] is socketio_compat.tornadio.conn
assert Same is SocketServer
assert tornadio.__version__ == (0, 0, 5)
print("fine")
"""


def test_names_of_the_original() -> None:
    ran = subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout, ran.stderr) == ("fine\n", "")
