"""Tyron's ledger finds what it is there to find: each test spoils a faultless run in one way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.tyron_ledger import Gap, Poll, Polls, Sent, TyronLedger

LAST = 9
UNHEARD, UNKNOWN = 4, 5
"""Of the messages 0 to LAST, one a second: one that had no receiver, and one without an answer. Both came to nobody."""


def faultless(buffered: bool) -> TyronLedger:
    """Two clients of a channel, who poll again a hundredth of a second after each message, and have it after another."""
    ledger = TyronLedger(buffered)
    ledger.sent[7] = [Sent(float(number), {UNHEARD: 0, UNKNOWN: None}.get(number, 1)) for number in range(LAST + 1)]
    for name in ("a", "b"):
        polls = Polls(name, 7)
        for number in ledger.counted(7):
            written = polls.answered[-1].answered + 0.01 if polls.answered else -1.0
            polls.answered.append(Poll(written, number + 0.02, number))
        polls.waiting = LAST + 0.03
        ledger.clients.append(polls)
    return ledger


def had(ledger: TyronLedger) -> list[Poll]:
    """What the first client had."""
    return ledger.clients[0].answered


@pytest.mark.parametrize("buffered", [True, False])
def test_a_faultless_run_has_no_fault(buffered: bool) -> None:
    ledger = faultless(buffered)
    assert ledger.broken() == []
    figures = "10 published, 8 count, 1 unknown, 16 came to 2 clients, p50 20.0 ms, p99 20.0 ms, max 20 ms"
    assert ledger.summary() == figures + ("" if buffered else ", a poll was of use 0 ms after it was written")


def lose(ledger: TyronLedger) -> None:
    """Its poll is answered with the next message."""
    lost = had(ledger).pop(2)
    had(ledger)[2] = had(ledger)[2]._replace(written=lost.written)


def lose_the_last(ledger: TyronLedger) -> None:
    ledger.clients[0].waiting = had(ledger).pop().written


def double(ledger: TyronLedger) -> None:
    had(ledger).insert(3, had(ledger)[2])


def swap(ledger: TyronLedger) -> None:
    had(ledger)[2], had(ledger)[3] = had(ledger)[2]._replace(number=3), had(ledger)[3]._replace(number=2)


def invent(ledger: TyronLedger) -> None:
    had(ledger).append(Poll(10.0, 11.0, LAST + 1))


def complain(ledger: TyronLedger) -> None:
    ledger.complain("something was seen")


def nobody_listens(ledger: TyronLedger) -> None:
    ledger.clients.clear()


def nothing_counts(ledger: TyronLedger) -> None:
    for sent in ledger.sent[7]:
        sent.receivers = 0


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lose, "1 missing: a has not had 2"),
        (lose_the_last, "1 missing: a has not had 9"),
        (double, "1 doubled: a had 2 again"),
        (swap, "1 reordered: a had 2 after 3"),
        (invent, "1 strange: a had 10"),
        (complain, "something was seen"),
        (nobody_listens, "nothing was tried"),
        (nothing_counts, "nothing was tried"),
    ],
)
def test_what_is_wrong_is_found(spoil: Callable[[TyronLedger], None], kind: str, buffered: bool) -> None:
    ledger = faultless(buffered)
    spoil(ledger)
    assert any(kind in line for line in ledger.broken()), ledger.broken()


def test_who_has_just_begun_to_wait_may_miss_it_without_the_buffer() -> None:
    for buffered in (True, False):
        ledger = faultless(buffered)
        had(ledger).pop(2)
        had(ledger)[2] = had(ledger)[2]._replace(written=1.96)
        assert bool(ledger.broken()) is buffered
    assert ledger.summary().endswith(", a poll was of use 40 ms after it was written")


def test_what_is_sent_during_a_gap_may_be_lost_and_not_doubled() -> None:
    ledger = faultless(True)
    lose(ledger)
    ledger.gaps.append(Gap(1.5, 2.5))
    assert ledger.broken() == []
    double(ledger)
    assert len(ledger.broken()) == 1


def test_what_was_sent_before_may_answer_a_poll_first() -> None:
    """The answer was on its way when the next message was sent."""
    ledger = faultless(False)
    ledger.sent[7][3].at = 2.001
    assert ledger.broken() == []
