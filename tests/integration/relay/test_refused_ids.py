"""Paths that name no channel that could be: a page of another origin may read why (relay specification 7.3.3)."""

from __future__ import annotations

import pytest

from tests.integration.relay.conftest import Site

ORIGIN = "https://a.example"


@pytest.mark.parametrize("kind", ["publisher", "subscriber"])
@pytest.mark.parametrize(("id", "status"), [("", 404), ("x" * 1025, 403)])
@pytest.mark.parametrize("allowed", [ORIGIN, ""])
async def test_cors(site: Site, kind: str, id: str, status: int, allowed: str) -> None:
    await site.serve({"type": kind, "url": "/news/(.*)", "allow_origin": allowed})
    refused = await site.ask("GET", f"/news/{id}", f"Origin: {ORIGIN}")
    assert refused.status == status
    assert refused.headers.get(b"access-control-allow-origin") == (allowed.encode() or None)
    assert refused.headers.get(b"vary") == (b"Origin" if allowed else None)
    if allowed:
        other = await site.ask("GET", f"/news/{id}", "Origin: https://b.example")
        assert (other.status, b"access-control-allow-origin" in other.headers) == (status, False)
