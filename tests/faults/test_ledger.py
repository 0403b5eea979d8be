"""The ledger finds what it is there to find: each test spoils a faultless run in one way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.ledger import NOTICED, Id, Ledger, Loss, Message, Subscriber, Told

LAST = 9
UNKNOWN = 4
"""Of the messages 0 to LAST, one a second: the last that matters, and one that was not acknowledged but came."""


def faultless() -> Ledger:
    """A run without a fault: two publishers in turn, two subscribers who had each message a tenth of a second later."""
    ledger = Ledger()
    subscribers = [ledger.subscriber(name, "c") for name in ("a", "b")]
    ledger.publishers = {"p0", "p1"}
    for number in range(LAST + 1):
        message = ledger.publish("c", f"p{number % 2}", number, float(number))
        message.answered = number + 0.05
        message.status = 201 if number != UNKNOWN else 503
        message.id = (100, number) if number != UNKNOWN else None
        ledger.ends["c"] = message
        for subscriber in subscribers:
            subscriber.told.append(Told(number + 0.1, (100, number), message.body, False))
    return ledger


def with_loss() -> Ledger:
    """The same with history lost between the messages 4 and 5, which everybody was told of."""
    ledger = faultless()
    ledger.losses.append(Loss(4.5, 4.6))
    for subscriber in ledger.subscribers:
        subscriber.told[5] = subscriber.told[5]._replace(missed=True)
    return ledger


def told(ledger: Ledger) -> list[Told]:
    """What the first subscriber was told."""
    return ledger.subscribers[0].told


def message(ledger: Ledger, number: int) -> Message:
    return list(ledger.messages.values())[number]


def test_a_faultless_run_has_no_fault() -> None:
    assert faultless().broken() == []
    assert with_loss().broken() == []


def drop(number: int) -> Callable[[Ledger], None]:
    def spoil(ledger: Ledger) -> None:
        del told(ledger)[number]

    return spoil


def double(ledger: Ledger) -> None:
    told(ledger).insert(3, told(ledger)[2])


def double_under_another_id(ledger: Ledger) -> None:
    told(ledger)[3] = told(ledger)[3]._replace(body=told(ledger)[2].body)


def swap(ledger: Ledger) -> None:
    told(ledger)[2:4] = [told(ledger)[3], told(ledger)[2]]


def swap_ids_of_a_publisher(ledger: Ledger) -> None:
    """Number 5 of a publisher was stored before its number 3."""
    for subscriber in ledger.subscribers:
        three, five = subscriber.told[3], subscriber.told[5]
        subscriber.told[3] = three._replace(body=five.body)
        subscriber.told[5] = five._replace(body=three.body)
    message(ledger, 3).id, message(ledger, 5).id = message(ledger, 5).id, message(ledger, 3).id


def id_is_not_the_acknowledged_one(ledger: Ledger) -> None:
    message(ledger, 6).id = (100, 60)


def id_given_twice(ledger: Ledger) -> None:
    message(ledger, 6).id = (100, 7)


def foreign(ledger: Ledger) -> None:
    told(ledger).insert(3, Told(3.0, (100, 2), b"nobody published this", False))


def of_another_channel(ledger: Ledger) -> None:
    message(ledger, 3).channel = "d"


def false_gap(ledger: Ledger) -> None:
    told(ledger)[3] = told(ledger)[3]._replace(missed=True)


def false_gap_without_message(ledger: Ledger) -> None:
    told(ledger).insert(3, Told(3.0, None, None, True))


def complaint(ledger: Ledger) -> None:
    ledger.complain("something was seen")


def nobody_listens(ledger: Ledger) -> None:
    ledger.subscribers.clear()


def nothing_acknowledged(ledger: Ledger) -> None:
    for each in ledger.messages.values():
        each.id = None


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (drop(0), "1 lost: a on c: p0's 0 on c"),
        (drop(3), "1 lost: a on c: p1's 3 on c"),
        (drop(UNKNOWN), "1 not for all: a on c: p0's 4 on c"),
        (drop(LAST), "1 not finished: a on c"),
        (double, "1 doubled: a on c: p0's 2 on c"),
        (double_under_another_id, "has the ids (100, 2) and (100, 3)"),
        (swap, "1 reordered: a on c: p0's 2 on c has the id (100, 2) and came after (100, 3)"),
        (swap_ids_of_a_publisher, "2 reordered: a on c: p1's 3 on c came after its 5"),
        (id_is_not_the_acknowledged_one, "has the ids (100, 60) and (100, 6)"),
        (id_given_twice, "1 ids given twice"),
        (foreign, "1 strange"),
        (of_another_channel, "2 strange"),
        (false_gap, "1 false gaps"),
        (false_gap_without_message, "1 false gaps"),
        (complaint, "something was seen"),
        (nobody_listens, "nothing was tried"),
        (nothing_acknowledged, "nothing was tried"),
    ],
)
def test_what_is_wrong_is_found(spoil: Callable[[Ledger], None], kind: str) -> None:
    ledger = faultless()
    spoil(ledger)
    assert any(kind in line for line in ledger.broken()), ledger.broken()


def test_what_was_not_acknowledged_may_come_to_nobody() -> None:
    ledger = faultless()
    for subscriber in ledger.subscribers:
        del subscriber.told[UNKNOWN]
    assert ledger.broken() == []


def test_a_complaint_that_repeats_is_one_line() -> None:
    ledger = faultless()
    for _ in range(3):
        complaint(ledger)
    assert ledger.broken() == ["something was seen (3 times)"]


# When history is lost


def test_a_loss_that_is_not_told_is_found() -> None:
    ledger = with_loss()
    told(ledger)[5] = told(ledger)[5]._replace(missed=False)
    assert any("1 gaps not told" in line for line in ledger.broken())


def test_a_loss_that_is_told_too_late_is_found() -> None:
    ledger = with_loss()
    told(ledger)[5:7] = [told(ledger)[5]._replace(missed=False), told(ledger)[6]._replace(missed=True)]
    assert any("1 gaps not told" in line for line in ledger.broken())


def test_a_loss_may_be_told_without_a_message() -> None:
    ledger = with_loss()
    told(ledger)[5] = told(ledger)[5]._replace(missed=False)
    told(ledger).insert(5, Told(4.7, None, None, True))
    assert ledger.broken() == []


def test_who_had_nothing_before_a_loss_need_not_be_told() -> None:
    ledger = with_loss()
    del told(ledger)[:5]
    told(ledger)[0] = told(ledger)[0]._replace(missed=False)
    assert ledger.broken() == []


def test_what_was_before_a_loss_may_be_gone() -> None:
    """Who had not come so far does not get it any more."""
    ledger = with_loss()
    del told(ledger)[3:5]
    assert ledger.broken() == []


def test_a_loss_excuses_nothing_that_lies_before_what_came() -> None:
    ledger = with_loss()
    del told(ledger)[3]
    assert any("1 lost: a on c: p1's 3 on c" in line for line in ledger.broken())


def test_a_loss_excuses_nothing_that_was_sent_later() -> None:
    ledger = with_loss()
    del told(ledger)[6]
    assert any("1 lost: a on c: p0's 6 on c" in line for line in ledger.broken())


def test_the_sign_of_a_loss_does_not_come_for_ever() -> None:
    ledger = with_loss()
    later = 4.6 + NOTICED
    for place, each in enumerate(told(ledger)):
        told(ledger)[place] = each._replace(missed=each.at > 4.5)
    assert f"{sum(each.at > later for each in told(ledger))} false gaps" in "\n".join(ledger.broken())


# Figures


def test_how_long_it_took_until_all_went_on() -> None:
    ledger = faultless()
    publish, deliver = ledger.resumed(2.5)
    # The last of the publishers is acknowledged at 4.05 of a message that is unknown, hence at 6.05.
    assert (round(publish, 2), round(deliver, 2)) == (3.55, 0.6)
    assert ledger.resumed(9.5) == (float("inf"), float("inf"))


def test_what_was_sent_before_does_not_count_as_going_on() -> None:
    ledger = faultless()
    late: Subscriber = ledger.subscriber("late", "c")
    ids: list[Id] = [(100, number) for number in range(LAST + 1)]
    late.told += [Told(20.0 + number, ids[number], message(ledger, number).body, False) for number in range(LAST + 1)]
    assert round(ledger.resumed(7.5).deliver, 2) == 20.5


def test_a_run_is_told_in_a_line() -> None:
    assert faultless().summary() == "10 sent, 9 acknowledged, 1 unknown (1 by 503), 20 delivered to 2, p50 100 ms, p99 100 ms"
