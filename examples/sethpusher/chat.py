"""A chat in the browser: each page is a user, rooms are channels, and what is said goes by the REST API.

    bin/run examples/sethpusher/chat.py --port=8080

Then open the address that it prints. On first use npm brings the client, unless ``--client=false`` tells it not to.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tornado.options import define, options, parse_command_line
from tornado.web import RequestHandler, StaticFileHandler

from sethpusher.applications import SethPusherInMemoryApplication
from sethpusher.default_server import AppRunner

HERE = Path(__file__).resolve().parent
CLIENT = "sockjs-client@1.6.1"
DIST = HERE / "node_modules" / "sockjs-client" / "dist"
PATIENCE = 120


class Page(RequestHandler):
    def get(self) -> None:
        self.write((HERE / "pages" / "chat.html").read_text(encoding="utf-8"))


class Chat(SethPusherInMemoryApplication):
    """An application that has a page as well; its sockets are told whether they have connected, and why they cannot."""

    def __init__(self, **kwargs: Any) -> None:
        # The library for pages in frames is the one that the page itself has.
        frames = {"sockjs_url": "/client/sockjs.min.js"}
        super().__init__(send_acks=True, send_errors=True, sockjs_settings=frames, **kwargs)
        self.add_handlers(".*", [("/", Page), (r"/client/(.+)", StaticFileHandler, {"path": str(DIST)})])


def fetch_client() -> None:
    """Have npm install the client, unless it is there. Without it, the server runs all the same."""
    if (DIST / "sockjs.min.js").exists():
        return
    command = ["npm", "install", "--prefix", str(HERE), "--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run([*command, CLIENT], check=True, capture_output=True, timeout=PATIENCE)  # noqa: S603 - constants
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"npm could not install {CLIENT}, so the page will not connect: {error}\n")


if __name__ == "__main__":
    define("client", default=True, help=f"have npm fetch {CLIENT} for the page, unless it is there")
    parse_command_line()
    if options.client:
        fetch_client()
    AppRunner(port=options.port, host=options.host).start(app=Chat)
