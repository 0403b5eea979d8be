"""Who may use the REST API and the debug pages, and who may connect as whom (specification 6)."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable
from typing import Any

from tornado.httputil import HTTPServerRequest

logger = logging.getLogger("hbpush.sethpusher")


class BaseAuthenticationPolicy:
    """Lets everybody in. Both methods may be coroutines."""

    goes_by_head = False
    """Whether `authenticate` can tell without the body. Where one is large it is then asked before that comes, and again afterwards."""

    def authenticate(self, request: HTTPServerRequest, **kwargs: Any) -> bool | Awaitable[bool]:
        """Whether a request of the REST API, or of a debug page, is answered; else it is 401."""
        return True

    def authenticate_connection(self, info: Any, subscriber_id: str, message: dict[str, Any], **kwargs: Any) -> bool | Awaitable[bool]:
        """Whether a socket may connect as ``subscriber_id``; else it is closed with 4401.

        ``info`` is the socket's ``ConnectionInfo``: its ``arguments`` are the query of the URL that the page gave to its client, as in
        ``new SockJS('/connect?token=...')``. ``message`` is the whole message, which may have more keys.

        An application whose policy has a method of its own here lets only those subscribe who have connected, unless its
        ``require_connect`` is False.
        """
        return True


class EchoAuthenticationPolicy(BaseAuthenticationPolicy):
    """Lets everybody in, and tells the log."""

    def authenticate(self, request: HTTPServerRequest, **kwargs: Any) -> bool | Awaitable[bool]:
        logger.debug("authenticating %s %s", request.method, request.path)
        return True


class ApiKeyAuthenticationPolicy(BaseAuthenticationPolicy):
    """Wants a key: in the query, in the body of a form, or in a header, which is ``X-Api-Key`` or ``Authorization: Bearer``.

    A key in a URL is in every access log on the way: prefer a header.
    """

    goes_by_head = True
    key_name = "api_key"
    key_secret_value = "secret"  # noqa: S105 - the documented default

    def authenticate(self, request: HTTPServerRequest, **kwargs: Any) -> bool | Awaitable[bool]:
        given = request.arguments.get(self.key_name) or request.body_arguments.get(self.key_name)
        if given:
            return _same(given[0], self.key_secret_value)
        header = request.headers.get("X-Api-Key")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if header is None and scheme.lower() == "bearer":
            header = token.strip()
        return header is not None and _same(header, self.key_secret_value)


class HeaderAuthenticationPolicy(BaseAuthenticationPolicy):
    """Wants a header with a secret value."""

    goes_by_head = True
    secret_header = "Seth-Authentication-Header"  # noqa: S105 - the documented default
    secret_header_value = "Seth-Value"  # noqa: S105 - the documented default

    def authenticate(self, request: HTTPServerRequest, **kwargs: Any) -> bool | Awaitable[bool]:
        return _same(request.headers.get(self.secret_header, ""), self.secret_header_value)


def _same(given: str | bytes, secret: str | bytes) -> bool:
    """Compare in a time that tells nothing."""
    # Tornado reads headers as latin-1, so this is what came.
    raw = given.encode("latin-1", "replace") if isinstance(given, str) else given
    return hmac.compare_digest(raw, secret.encode("utf-8", "surrogateescape") if isinstance(secret, str) else secret)
