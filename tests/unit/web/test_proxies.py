"""Whose word about a client counts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hbpush.web.proxies import TrustedProxies

PROXIES = TrustedProxies(["10.0.0.0/8", "192.0.2.1", "fd00::/8", "10.1.2.3/24"])


def said(forwarded_for: bytes | None, forwarded_proto: bytes | None) -> Callable[[bytes], bytes | None]:
    """The headers of a proxy."""
    return {b"x-forwarded-for": forwarded_for, b"x-forwarded-proto": forwarded_proto}.get


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.1.2.3", True),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("::ffff:10.0.0.1", True),
        ("::ffff:11.0.0.1", False),
        ("fe80::1", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_who_is_trusted(address: str, trusted: bool) -> None:
    assert PROXIES.trusts(address) == trusted
    assert not TrustedProxies().trusts(address)


@pytest.mark.parametrize("network", ["nowhere", "10.0.0.0/33", "1.2.3.4.5", ""])
def test_what_is_no_network(network: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        TrustedProxies([network])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "forwarded_proto", "client"),
    [
        ("203.0.113.9", b"198.51.100.1", b"https", ("203.0.113.9", False)),
        ("10.0.0.1", None, None, ("10.0.0.1", False)),
        ("10.0.0.1", b"198.51.100.1", None, ("198.51.100.1", False)),
        ("10.0.0.1", b"1.1.1.1, 198.51.100.1", None, ("198.51.100.1", False)),
        ("10.0.0.1", b"1.1.1.1,198.51.100.1 , 10.9.9.9,192.0.2.1", b"https", ("198.51.100.1", True)),
        ("10.0.0.1", b"10.0.0.2, 10.0.0.3", None, ("10.0.0.2", False)),
        ("10.0.0.1", b"rubbish", None, ("10.0.0.1", False)),
        ("10.0.0.1", b"1.1.1.1, rubbish, 10.0.0.4", None, ("10.0.0.4", False)),
        ("10.0.0.1", b"2001:db8::1", b"HTTPS", ("2001:db8::1", True)),
        ("10.0.0.1", b"", b"https, http", ("10.0.0.1", False)),
        ("10.0.0.1", b"\xff", b"\xff", ("10.0.0.1", False)),
    ],
)
def test_the_client(peer: str, forwarded_for: bytes | None, forwarded_proto: bytes | None, client: tuple[str, bool]) -> None:
    assert PROXIES.client(peer, False, said(forwarded_for, forwarded_proto)) == client


def test_a_proxy_that_says_nothing_of_tls() -> None:
    assert PROXIES.client("10.0.0.1", True, said(b"1.1.1.1", None)) == ("1.1.1.1", True)
    assert PROXIES.client("10.0.0.1", True, said(b"1.1.1.1", b"http")) == ("1.1.1.1", False)


def test_proxies_as_tornado_has_them() -> None:
    headers = {b"x-forwarded-for": b"1.1.1.1", b"x-forwarded-proto": b"http", b"x-real-ip": b"2.2.2.2", b"x-scheme": b"https"}
    proxies = TrustedProxies(["10.0.0.0/8"], as_tornado=True)
    assert proxies.client("10.0.0.1", False, headers.get) == ("2.2.2.2", True)
    assert proxies.client("10.0.0.1", False, said(b"1.1.1.1", b"https")) == ("1.1.1.1", True)
    assert proxies.client("11.0.0.1", False, headers.get) == ("11.0.0.1", False)
    assert PROXIES.client("10.0.0.1", True, headers.get) == ("1.1.1.1", False)
