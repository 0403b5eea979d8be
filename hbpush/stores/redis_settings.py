"""The options of the Redis store, declared once, and which of them go together."""

from __future__ import annotations

from typing import Annotated

import msgspec
from redis.asyncio.connection import SSLConnection, parse_url

from hbpush.stores.base import Count, Seconds, StoreSettings

DEFAULT_PORT = 6379
SENTINEL_PORT = 26379


class SentinelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where to ask which server is the master."""

    master: Annotated[str, msgspec.Meta(min_length=1, description="the name under which the sentinels know the master")]
    hosts: Annotated[
        tuple[str, ...], msgspec.Meta(min_length=1, description="the sentinels, each as host or host:port (port 26379 where none is given)")
    ]
    username: Annotated[str, msgspec.Meta(description="user of the sentinels, if they ask for one")] = ""
    password: Annotated[str, msgspec.Meta(description="password of the sentinels", extra={"secret": True})] = ""


class RedisSettings(StoreSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of a Redis store."""

    host: Annotated[str, msgspec.Meta(min_length=1, description="host of the server")] = "localhost"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535, description="port of the server")] = DEFAULT_PORT
    key_prefix: Annotated[str, msgspec.Meta(description="what all keys and pub/sub names begin with")] = ""
    database: Annotated[Count, msgspec.Meta(description="number of the database")] = 0
    username: Annotated[str, msgspec.Meta(description="user to log in as (ACL); empty for the default one")] = ""
    password: Annotated[str, msgspec.Meta(description="password to log in with", extra={"secret": True})] = ""
    password_file: Annotated[str, msgspec.Meta(description="file that holds the password")] = ""
    unix_socket: Annotated[str, msgspec.Meta(description="path of the server's unix socket, in place of host and port")] = ""
    tls: Annotated[bool, msgspec.Meta(description="whether to speak TLS")] = False
    tls_ca: Annotated[str, msgspec.Meta(description="PEM file with the authorities to trust; empty for the system's")] = ""
    tls_certificate: Annotated[str, msgspec.Meta(description="PEM file with a certificate to show to the server")] = ""
    tls_key: Annotated[str, msgspec.Meta(description="PEM file with that certificate's key, without a pass phrase")] = ""
    url: Annotated[
        str,
        msgspec.Meta(
            description="redis://, rediss:// or unix:// with user, password, host, port and database, in place of these",
            extra={"secret": True},
        ),
    ] = ""
    sentinel: Annotated[SentinelSettings | None, msgspec.Meta(description="sentinels that tell the server, in place of host and port")] = (
        None
    )
    cluster: Annotated[bool, msgspec.Meta(description="whether host and port are of a node of a Redis Cluster")] = False
    timeout: Annotated[float, msgspec.Meta(ge=0.1, le=60, description="seconds in which the server has to answer")] = 3
    linger: Annotated[
        Seconds, msgspec.Meta(description="seconds that a channel is listened to after its last subscriber here, who may ask again")
    ] = 10
    tail_bytes: Annotated[
        Count, msgspec.Meta(description="bytes of new messages kept in each process for those who ask again, counted likewise")
    ] = 64 * 1024 * 1024
    pending_bytes: Annotated[
        Count, msgspec.Meta(description="bytes that may wait for the server's answers; beyond, requests are refused")
    ] = 64 * 1024 * 1024

    def __post_init__(self) -> None:
        """Raise ValueError for options that contradict each other."""
        ways = {
            "url": bool(self.url),
            "unix_socket": bool(self.unix_socket),
            "sentinel": self.sentinel is not None,
            "host": self.host != "localhost" or self.port != DEFAULT_PORT,
        }
        given = [name for name, is_given in ways.items() if is_given]
        if len(given) > 1:
            raise ValueError(f"has {' and '.join(given)}, which both say where the server is; give one of them")
        if self.password and self.password_file:
            raise ValueError("has password and password_file; give one of them")
        if self.username and not (self.password or self.password_file):
            raise ValueError("has a username and no password")
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("has one of tls_certificate and tls_key; give both or none")
        if (self.tls_ca or self.tls_certificate) and not (self.tls or self.url.startswith("rediss:")):
            raise ValueError("has files for TLS and no tls: true")
        if self.tls and self.unix_socket:
            raise ValueError("has tls, which a unix socket does not speak")
        if self.url:
            self._check_url()
        if self.cluster and (self.database or self.unix_socket or self.sentinel is not None):
            raise ValueError("has cluster: true, with which database, unix_socket and sentinel do not go")
        if "{" in self.key_prefix or "}" in self.key_prefix:
            raise ValueError("has a key_prefix with a brace in it; a Redis Cluster would take that for its own")

    def _check_url(self) -> None:
        try:
            parts = parse_url(self.url)
        except ValueError:
            raise ValueError("has a url that cannot be read; must begin with redis://, rediss:// or unix://") from None
        beyond = set(parts) - {"host", "port", "db", "username", "password", "path", "connection_class"}
        if beyond:
            raise ValueError(f"has a url with {', '.join(sorted(beyond))} in it, which is not understood there")
        doubled = [
            option
            for option, part in (("username", "username"), ("password", "password"), ("database", "db"))
            if part in parts and getattr(self, option)
        ]
        if doubled or (self.password_file and "password" in parts):
            raise ValueError(f"has {doubled[0] if doubled else 'password_file'}, and another in its url; give one of them")


class Login(msgspec.Struct, frozen=True):
    """Where the server is and how to get in, with what the url said put in its place. ``path`` is a unix socket's, or empty."""

    host: str
    port: int
    path: str
    tls: bool
    username: str
    password: str
    database: int


def login(settings: RedisSettings, password: str) -> Login:
    """Join options and url; ``password`` is that of the options, wherever it came from."""
    parts = parse_url(settings.url) if settings.url else {}
    return Login(
        host=parts.get("host", settings.host),
        port=parts.get("port", settings.port),
        path=parts.get("path", settings.unix_socket),
        tls=settings.tls or parts.get("connection_class") is SSLConnection,
        username=parts.get("username", settings.username),
        password=parts.get("password", password),
        database=parts.get("db", settings.database),
    )
