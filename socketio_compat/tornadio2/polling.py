"""TornadIO2's names for the polling transports (TornadIO API, B7). What they do is in ``socketio_compat.v09``."""

from __future__ import annotations

from typing import ClassVar

from socketio_compat.tornadio2.preflight import PreflightHandler


class TornadioPollingHandlerBase(PreflightHandler):
    """What they have in common: ``name`` is the transport's."""

    name: ClassVar[str]

    def check_xsrf_cookie(self) -> None:
        """Clients carry no such cookie."""


class TornadioXHRPollingHandler(TornadioPollingHandlerBase):
    """The transport xhr-polling."""

    name = "xhr-polling"


class TornadioHtmlFileHandler(TornadioPollingHandlerBase):
    """The transport htmlfile."""

    name = "htmlfile"


class TornadioJSONPHandler(TornadioPollingHandlerBase):
    """The transport jsonp-polling, which is ``jsonp`` here."""

    name = "jsonp"
