"""TornadIO2's handlers of the transports that poll or stream over HTTP (TornadIO API, B7); see `preflight.PreflightHandler`."""

from __future__ import annotations

from collections.abc import Sequence

from socketio_compat.tornadio2.preflight import PreflightHandler


class TornadioPollingHandlerBase(PreflightHandler):
    """What they have in common: what a session asks of them, it asks of itself."""

    def send_messages(self, messages: Sequence[str]) -> None:
        """Send packets to the client of the request."""
        session = self.server.get_session(self.path_kwargs.get("session_id", ""))
        for message in messages if session is not None else ():
            session.send_message(message)  # type: ignore[union-attr]

    def session_closed(self) -> None:
        """The session is over: the request has its answer."""


class TornadioXHRPollingHandler(TornadioPollingHandlerBase):
    name = "xhr-polling"


class TornadioHtmlFileHandler(TornadioPollingHandlerBase):
    name = "htmlfile"


class TornadioJSONPHandler(TornadioPollingHandlerBase):
    name = "jsonp-polling"
