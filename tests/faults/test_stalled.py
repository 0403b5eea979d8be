"""Readers that stall: one of a few, and with ``--full`` one of a thousand, past which 200 MB are published."""

from __future__ import annotations

import pytest

from tests.faults.stalled import STALLED


@pytest.mark.parametrize("name", STALLED)
def test_a_stalled_reader_costs_its_outbox(name: str) -> None:
    verdict = STALLED[name](False)
    assert not verdict.broken, verdict.text()


@pytest.mark.full
@pytest.mark.parametrize("name", STALLED)
def test_nobody_notices_a_stalled_reader(name: str) -> None:
    verdict = STALLED[name](True)
    assert not verdict.broken, verdict.text()
