"""The servers that sockjs-client is let loose on."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.driving import sites

CONFIGURATION = """
address: 127.0.0.1
locations:
  - {type: publisher, prefix: /publisher/}
  - {type: sethpusher, prefix: /, sockjs_url: /__client.js, heartbeat_delay: 1, disconnect_delay: 3}
"""
"""Of hbpushd; the times are those of ``talker.py``."""


class Site(sites.Site):
    """A running server of a kind: "stock", "native" (``talker.py``), "hbpushd" or "reference" (sockjs-node)."""

    folder = Path(__file__).parent
    program = "tests.conformance.sockjs.talker"
    configuration = CONFIGURATION
