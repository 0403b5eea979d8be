"""Tyron's scenarios of the fault runs: short, and with ``--full`` as long and under the load that the promises are made for."""

from __future__ import annotations

import pytest

from tests.faults.tyron_table import TYRON
from tests.support.redis_server import missing

pytestmark = [pytest.mark.alone, pytest.mark.skipif(missing() is not None, reason=missing() or "")]


@pytest.mark.parametrize("name", TYRON)
def test_promises_are_kept(name: str) -> None:
    verdict = TYRON[name](False)
    assert not verdict.broken, verdict.text()


@pytest.mark.full
@pytest.mark.parametrize("name", TYRON)
def test_promises_are_kept_under_load(name: str) -> None:
    verdict = TYRON[name](True)
    assert not verdict.broken, verdict.text()
