"""The servers that client 0.6 is let loose on."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.driving import sites

CONFIGURATION = """
address: 127.0.0.1
locations:
  - {type: publisher, prefix: /publisher/}
  - {type: subscriber, prefix: /subscriber/, create_on_get: true}
  - {type: socketio, channels: [open.], publish: true, heartbeat_interval: 1, client_timeout: 2, xhr_polling_timeout: 2}
  - {type: socketio06, channels: [open.], publish: true, heartbeat_interval: 1, xhr_polling_timeout: 2, session_expiry: 4}
"""
"""Of hbpushd; the times are those of ``server.py``."""


class Site(sites.Site):
    """A running server of a kind: "stock", "native" (``server.py``), "hbpushd" or "reference" (Socket.IO 0.6 on Node)."""

    folder = Path(__file__).parent
    program = "tests.conformance.socketio06.server"
    configuration = CONFIGURATION
