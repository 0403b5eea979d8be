"""TornadIO2's server of the Flash policy file (TornadIO API, A4)."""

from __future__ import annotations

from tornado.ioloop import IOLoop

from socketio_compat.flashpolicy import PolicyServer, read_policy


class FlashPolicyServer(PolicyServer):
    """Listens from the moment it is made, by default on all interfaces. Raises ConfigError if the file or the port cannot be had.

    ``io_loop`` is accepted and not used.
    """

    def __init__(self, io_loop: IOLoop | None = None, port: int = 843, policy_file: str = "flashpolicy.xml", *, address: str = "") -> None:
        super().__init__(read_policy(policy_file))
        self.bind_to(port, address)
