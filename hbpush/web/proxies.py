"""Which proxies are believed about their clients (DESIGN 8: ``trusted_proxies``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network


class TrustedProxies:
    """Networks in CIDR form, such as ``10.0.0.0/8``. Raises ValueError for one that is not.

    X-Forwarded-For and X-Forwarded-Proto count only when the peer is in one of them; of the addresses listed, the last that is not a
    trusted proxy itself is the client. With ``as_tornado`` X-Real-Ip and X-Scheme count before them, as they do in Tornado: only for
    proxies that set both, since others hand on what a client says there.
    """

    def __init__(self, networks: Sequence[str] = (), as_tornado: bool = False) -> None:
        self._as_tornado = as_tornado
        self._networks = tuple(ip_network(network, strict=False) for network in networks)

    def trusts(self, address: str) -> bool:
        """Whether an address is one of the proxies; False for what is no address."""
        if not self._networks:
            return False
        try:
            ip = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(ip, "ipv4_mapped", None)
        return any((mapped or ip) in network for network in self._networks)

    def client(self, peer: str, secure: bool, header: Callable[[bytes], bytes | None]) -> tuple[str, bool]:
        """The client's address and whether it came by TLS, from the peer's own and what the headers say (`Exchange.header`)."""
        if not self.trusts(peer):
            return peer, secure
        forwarded_for, forwarded_proto = header(b"x-forwarded-for"), header(b"x-forwarded-proto")
        if self._as_tornado:
            forwarded_for = header(b"x-real-ip") or forwarded_for
            forwarded_proto = header(b"x-scheme") or forwarded_proto
        address = peer
        for part in reversed((forwarded_for or b"").decode("latin-1").split(",")):
            hop = part.strip()
            try:
                ip_address(hop)
            except ValueError:
                break
            address = hop
            if not self.trusts(hop):
                break
        if forwarded_proto is not None:
            secure = forwarded_proto.split(b",")[-1].strip().lower() == b"https"
        return address, secure
