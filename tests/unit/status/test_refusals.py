"""Every kind of refusal that the rooms below the protocols count is in the page before it was ever met."""

from __future__ import annotations

import re

from hbpush.status.refusals import KINDS, counted
from tests.support.process import ROOT

BELOW = ("core", "stores", "session", "web", "daemon", "relay", "status", "console")
CALL = re.compile(r'\b_?(?:refuse|refused|add)\(\s*"([a-z_]+)"')


def test_all_kinds_are_known() -> None:
    sources = [path.read_text(encoding="utf-8") for room in BELOW for path in (ROOT / "hbpush" / room).rglob("*.py")]
    used = {kind for source in sources for kind in CALL.findall(source)}
    assert len(used) > 15
    assert used <= KINDS.keys()


def test_what_a_protocol_counts_comes_with_the_first_time() -> None:
    told = counted({"bad_envelope": 2, "slow": 1})
    assert list(told) == sorted(told)
    assert (told["bad_envelope"], told["slow"], told["store_full"]) == (2, 1, 0)
