"""`sethpusher.authenticators`: what lets in, and what does not (specification 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from sethpusher.authenticators import (
    ApiKeyAuthenticationPolicy,
    BaseAuthenticationPolicy,
    EchoAuthenticationPolicy,
    HeaderAuthenticationPolicy,
)


def request(uri: str = "/", headers: Mapping[str, str] | None = None, **body_arguments: list[bytes]) -> HTTPServerRequest:
    made = HTTPServerRequest(
        headers=HTTPHeaders({"Host": "localhost", **(headers or {})}), start_line=RequestStartLine("POST", uri, "HTTP/1.1")
    )
    made.body_arguments = dict(body_arguments)
    return made


@pytest.mark.parametrize("policy", [BaseAuthenticationPolicy(), EchoAuthenticationPolicy()])
def test_open_ones(policy: BaseAuthenticationPolicy) -> None:
    assert policy.authenticate(request()) is True
    assert policy.authenticate_connection(None, "bob", {}) is True


class Bat(ApiKeyAuthenticationPolicy):
    key_name = "batman"
    key_secret_value = "bruce_wäyne"


@pytest.mark.parametrize(
    ("made", "allowed"),
    [
        (request("/?batman=bruce_w%C3%A4yne"), True),
        (request("/?batman=bruce"), False),
        (request("/"), False),
        (request("/?batman="), False),
        (request("/?batman=no&batman=bruce_w%C3%A4yne"), False),
        (request("/?batman=bruce_w%C3%A4yne&batman=no"), True),
        (request("/", batman=["bruce_wäyne".encode()]), True),
        (request("/", {"X-Api-Key": "bruce_wäyne".encode().decode("latin-1")}), True),
        (request("/", {"Authorization": "bearer " + "bruce_wäyne".encode().decode("latin-1")}), True),
        (request("/", {"Authorization": "Basic bruce_wäyne"}), False),
        (request("/", {"X-Api-Key": "bruce"}), False),
        (request("/?batman=no", {"X-Api-Key": "bruce_wäyne".encode().decode("latin-1")}), False),
    ],
)
def test_a_key(made: HTTPServerRequest, allowed: bool) -> None:
    assert Bat().authenticate(made) is allowed


def test_a_header() -> None:
    policy: Any = HeaderAuthenticationPolicy()
    assert policy.authenticate(request("/", {"seth-authentication-header": "Seth-Value"})) is True
    assert policy.authenticate(request("/", {"Seth-Authentication-Header": "seth-value"})) is False
    assert policy.authenticate(request()) is False


def test_documented_defaults() -> None:
    assert (ApiKeyAuthenticationPolicy.key_name, ApiKeyAuthenticationPolicy.key_secret_value) == ("api_key", "secret")
    header = HeaderAuthenticationPolicy
    assert (header.secret_header, header.secret_header_value) == ("Seth-Authentication-Header", "Seth-Value")
