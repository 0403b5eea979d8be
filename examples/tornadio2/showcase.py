"""What the examples have in common: their arguments, their pages, and the browser's client, which npm brings on first use."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from tornado.web import Application, RequestHandler, StaticFileHandler

from socketio_compat import tornadio2

HERE = Path(__file__).resolve().parent
CLIENT = "socket.io-client@0.9.17"
DIST = HERE / "node_modules" / "socket.io-client" / "dist"
PATIENCE = 120


def arguments(description: str) -> argparse.ArgumentParser:
    """What every example may be told."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=8001, help="0 for a free one")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--no-client", action="store_true", help=f"do not fetch {CLIENT} for the page")
    return parser


class Page(RequestHandler):
    """One of the pages beside the examples."""

    def initialize(self, name: str, **words: str) -> None:
        self.page = HERE / "pages" / name
        self.words = words

    def get(self) -> None:
        text = self.page.read_text(encoding="utf-8")
        for word, value in self.words.items():
            text = text.replace("{" + word + "}", value)
        self.write(text)


def pages(name: str, **words: str) -> list[Any]:
    """Handlers for a page at ``/`` and the client that it loads. ``words`` stand in the page in braces."""
    return [("/", Page, {"name": name, **words}), (r"/client/(.+)", StaticFileHandler, {"path": str(DIST)})]


def fetch_client() -> None:
    """Have npm install the client, unless it is there. Without it, the example runs all the same."""
    if (DIST / "socket.io.js").exists():
        return
    command = ["npm", "install", "--prefix", str(HERE), "--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        subprocess.run([*command, CLIENT], check=True, capture_output=True, timeout=PATIENCE)  # noqa: S603 - constants
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"npm could not install {CLIENT}, so the page will not connect: {error}\n")


def server(application: Application, port: int, address: str, option: str = "--port", **options: Any) -> tornadio2.SocketServer:
    """A server that listens, and whose loop is to be run. ``option`` is what the port was chosen by."""
    application.settings.update(socket_io_port=port, socket_io_address=address)
    try:
        return tornadio2.SocketServer(application, auto_start=False, **options)
    except (OSError, ValueError) as error:
        sys.exit(f"cannot listen on {address}, {option}={port}: {getattr(error, 'strerror', None) or error}")


def run(application: Application, chosen: argparse.Namespace, **options: Any) -> None:
    """Serve an example until it is ended."""
    if not chosen.no_client:
        fetch_client()
    serving = server(application, chosen.port, chosen.address, **options)
    show("https" if options.get("ssl_options") else "http", chosen.address, serving.port)
    serving.run()


def show(scheme: str, address: str, port: int) -> None:
    """Tell where the page is."""
    sys.stdout.write(f"{scheme}://{address}:{port}/\n")
    sys.stdout.flush()
