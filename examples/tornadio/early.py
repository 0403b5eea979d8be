"""What these examples have in common: their folder and the browser's client. All else is that of the examples of TornadIO2, beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tornado.web import Application

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tornadio2"))

import showcase  # noqa: E402 - it is in the folder beside this one

SHOW = showcase.Show(HERE, "socket.io@0.6.18", "socket.io/support/socket.io-client")


def arguments(description: str) -> argparse.ArgumentParser:
    """What every example may be told."""
    parser = showcase.arguments(description, SHOW)
    parser.add_argument("--policy-port", type=int, default=None, help="where Flash players ask for a policy; 843 takes a privilege")
    return parser


def serve(routes: list[Any], page: str, chosen: argparse.Namespace) -> None:
    """Serve routers, and a page at ``/``, until somebody ends it."""
    application = Application(
        [*routes, *showcase.pages(page, SHOW)],
        flash_policy_port=chosen.policy_port,
        flash_policy_file=str(showcase.HERE / "pages" / "flashpolicy.xml"),
    )
    showcase.run(application, chosen, SHOW)
