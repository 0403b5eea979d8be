"""The options of the server itself, declared once: configuration, validation and the reference page read them here."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hbpush.web.limits import Limits

LogLevel = Literal["debug", "info", "warning", "error"]


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The files that make the server speak TLS, version 1.2 or later."""

    certificate: Annotated[str, msgspec.Meta(min_length=1, description="PEM file with the certificate and its chain")]
    key: Annotated[str, msgspec.Meta(min_length=1, description="PEM file with the private key, without a pass phrase")]


class ServerSettings(Limits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The top level of a configuration, but for ``store`` and ``locations``."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535, description="port to listen on, 0 for any free one")] = 80
    address: Annotated[str, msgspec.Meta(description="address to listen on, empty for every interface")] = ""
    tls: Annotated[Tls | None, msgspec.Meta(description="files for https; without them the server speaks http")] = None
    workers: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=1024,
            description="processes that share the port, for stores that processes share; bounds such as max_connections hold for each",
        ),
    ] = 1
    trusted_proxies: Annotated[
        tuple[str, ...], msgspec.Meta(description="networks (CIDR) whose X-Forwarded-For and X-Forwarded-Proto count")
    ] = ()
    log_level: Annotated[LogLevel, msgspec.Meta(description="least severity of what is logged")] = "info"
    server_header: Annotated[bool, msgspec.Meta(description="whether answers carry a Server header")] = True
