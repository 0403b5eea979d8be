"""What the examples have in common: their arguments, their pages, and the browser's client, which npm brings on first use.

Those of TornadIO are shown by the same means; see ``examples/tornadio/early.py``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from tornado.web import Application, RequestHandler, StaticFileHandler

from socketio_compat.server import SocketServer

PATIENCE = 120


class Show(NamedTuple):
    """A folder of examples: its pages are in ``pages``, and npm puts ``package`` there, which has the client in ``dist``."""

    folder: Path
    package: str
    dist: str

    @property
    def client(self) -> Path:
        return self.folder / "node_modules" / self.dist


HERE = Path(__file__).resolve().parent
SHOW = Show(HERE, "socket.io-client@0.9.17", "socket.io-client/dist")


def arguments(description: str, show: Show = SHOW) -> argparse.ArgumentParser:
    """What every example may be told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=8001, help="0 for a free one")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--no-client", action="store_true", help=f"do not fetch {show.package} for the page")
    return parser


class Page(RequestHandler):
    """One of the pages beside the examples."""

    def initialize(self, page: Path, **words: str) -> None:
        self.page = page
        self.words = words

    def get(self) -> None:
        text = self.page.read_text(encoding="utf-8")
        for word, value in self.words.items():
            text = text.replace("{" + word + "}", value)
        self.write(text)


def pages(name: str, show: Show = SHOW, **words: str) -> list[Any]:
    """Handlers for a page at ``/`` and the client that it loads. ``words`` stand in the page in braces."""
    page = {"page": show.folder / "pages" / name, **words}
    return [("/", Page, page), (r"/client/(.+)", StaticFileHandler, {"path": str(show.client)})]


def fetch_client(show: Show = SHOW) -> None:
    """Have npm install the client, unless it is there. Without it, the example runs all the same."""
    if (show.client / "socket.io.js").exists():
        return
    options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    command = ["npm", "install", "--prefix", str(show.folder), *options, show.package]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)  # noqa: S603 - constants
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"npm could not install {show.package}, so the page will not connect: {error}\n")


def server(application: Application, port: int, address: str, option: str = "--port", **options: Any) -> SocketServer:
    """A server that listens, and whose loop is to be run. ``option`` is what the port was chosen by."""
    application.settings.update(socket_io_port=port, socket_io_address=address)
    try:
        return SocketServer(application, auto_start=False, **options)
    except (OSError, ValueError) as error:
        sys.exit(f"cannot listen on {address}, {option}={port}: {getattr(error, 'strerror', None) or error}")


def run(application: Application, chosen: argparse.Namespace, show: Show = SHOW, **options: Any) -> None:
    """Serve an example until it is ended."""
    if not chosen.no_client:
        fetch_client(show)
    serving = server(application, chosen.port, chosen.address, **options)
    tell("https" if options.get("ssl_options") else "http", chosen.address, serving.port)
    serving.run()


def tell(scheme: str, address: str, port: int) -> None:
    """Tell where the page is."""
    sys.stdout.write(f"{scheme}://{address}:{port}/\n")
    sys.stdout.flush()
