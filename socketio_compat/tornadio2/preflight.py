"""TornadIO2's place to decide which origins may use a server (TornadIO API, B7)."""

from __future__ import annotations

from hbpush.web.exchange import Exchange
from socketio_compat.origins import Origins


class PreflightHandler:
    """Decides about one request: override `verify_origin` in the class of a transport (modules ``polling`` and ``persistent``).

    ``origin`` is what the request says, None without one; ``remote_ip`` is the client's address.
    """

    def __init__(self, exchange: Exchange, origins: Origins) -> None:
        self._exchange = exchange
        self._origins = origins
        origin = exchange.header(b"origin")
        self.origin = None if origin is None else origin.decode("latin-1")

    @property
    def remote_ip(self) -> str:
        return self._exchange.remote_ip

    def verify_origin(self) -> bool:
        """Whether pages of this origin may use the server, beyond the setting ``origins``."""
        return True

    def preflight(self) -> bool:
        """Whether the request may be answered; its answer then has the lines of CORS."""
        return (self.origin is None or self.verify_origin()) and self._origins.admits(self._exchange)

    def options(self) -> bool:
        """What a browser asks before a request."""
        return self.preflight()
