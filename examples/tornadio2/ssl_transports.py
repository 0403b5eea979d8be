"""A chat over HTTPS and secure WebSockets.

    bin/run examples/tornadio2/ssl_transports.py --port=8001

Without ``--certificate`` and ``--key`` it makes a certificate for itself, which takes openssl; browsers warn of that.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import showcase
from tornado.web import Application
from transports import ChatConnection

from socketio_compat import tornadio2


def make_certificate(folder: Path) -> tuple[str, str]:
    """A certificate that signs itself, and its key."""
    certificate, key = str(folder / "certificate.pem"), str(folder / "key.pem")
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *kind, *names, "-keyout", key, "-out", certificate]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)  # noqa: S603 - constants, and a folder of ours
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(f"cannot make a certificate: {error}; give one with --certificate and --key")
    return certificate, key


if __name__ == "__main__":
    parser = showcase.arguments("A chat by HTTPS.")
    parser.add_argument("--certificate", help="a PEM file")
    parser.add_argument("--key", help="a PEM file")
    chosen = parser.parse_args()
    router = tornadio2.TornadioRouter(ChatConnection, {"websocket_check": True})
    application = Application(router.apply_routes(showcase.pages("transports.html")))
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = (chosen.certificate, chosen.key) if chosen.certificate else make_certificate(Path(folder))
        showcase.run(application, chosen, ssl_options={"certfile": certificate, "keyfile": key})
