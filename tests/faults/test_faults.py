"""The scenarios of the fault runs: short, and with ``--full`` as long and under the load that the promises are made for."""

from __future__ import annotations

import pytest

from tests.faults.runner import FULL, SHORT, judge
from tests.faults.table import SCENARIOS
from tests.support.redis_server import missing

pytestmark = [pytest.mark.alone, pytest.mark.skipif(missing() is not None, reason=missing() or "")]


@pytest.mark.parametrize("name", SCENARIOS)
def test_promises_are_kept(name: str) -> None:
    verdict = judge(SCENARIOS[name], SHORT)
    assert not verdict.broken, verdict.text()


@pytest.mark.full
@pytest.mark.parametrize("name", SCENARIOS)
def test_promises_are_kept_under_load(name: str) -> None:
    verdict = judge(SCENARIOS[name], FULL)
    assert not verdict.broken, verdict.text()
