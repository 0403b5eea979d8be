"""Whatever the interleaving of pages and live messages: nothing lost, nothing twice, everything in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hbpush.core.message import BEFORE_ALL, NEWEST, OLDEST, ChannelRef, Message, MessageId, Since
from hbpush.core.subscription import PAGE_BYTES, UNSTORED_KEPT, Subscription

NEWS = ChannelRef("default", "", "news")


def message(n: int, stored: bool = True) -> Message:
    return Message(NEWS, MessageId(n, 0), MessageId(n - 1, 0) if n else BEFORE_ALL, b"%d" % n, stored=stored)


class Backend:
    """One channel of a store, and the way of its announcements to a subscription: late, but before a page that holds the same."""

    def __init__(self) -> None:
        self.log: list[Message] = []
        self.echoed = 0

    def publish(self, stored: bool) -> None:
        self.log.append(message(len(self.log), stored))

    def read(self, subscription: Subscription, limit: int) -> tuple[list[Message], MessageId, bool]:
        since = subscription.ask()
        last = self.log[-1].id if self.log else BEFORE_ALL
        if not isinstance(since, MessageId):
            since = last if since is NEWEST else BEFORE_ALL
        after = [m for m in self.log if m.stored and m.id > since]
        return after[:limit], last, len(after) > limit

    def echo(self, count: int) -> list[Message]:
        start, self.echoed = self.echoed, min(len(self.log), self.echoed + count)
        return self.log[start : self.echoed]


events = st.lists(
    st.sampled_from(["publish", "publish", "publish unstored", "echo", "echo", "ask", "answer"]),
    max_size=60,
)


@given(st.lists(st.booleans(), max_size=6), st.sampled_from([OLDEST, NEWEST, MessageId(2, 0), MessageId(2, 5)]), events, st.integers(1, 4))
def test_any_interleaving_loses_nothing_doubles_nothing_and_keeps_the_order(
    before: list[bool], since: Since, history: list[str], limit: int
) -> None:
    backend = Backend()
    for stored in before:
        backend.publish(stored)
    backend.echoed = len(backend.log)
    start = len(before)
    subscription = Subscription(since, 100)
    got: list[Message] = []
    live = False
    answer: tuple[list[Message], MessageId, bool] | None = None

    def step(event: str) -> None:
        nonlocal live, answer
        if event.startswith("publish"):
            backend.publish(event == "publish")
        elif event == "echo":
            messages = backend.echo(1)
            if messages and live:
                got.extend(messages)
            elif messages:
                subscription.arrived(messages)
        elif event == "ask" and answer is None and not live:
            answer = backend.read(subscription, limit)
        elif event == "answer" and answer is not None:
            while answer[0] and answer[0][-1].id.time >= backend.echoed:
                step("echo")
            out, live = subscription.page(*answer)
            got.extend(out)
            answer = None

    for event in history:
        step(event)
    for _ in range(200):
        if live and backend.echoed == len(backend.log):
            break
        for event in ("echo", "ask", "answer"):
            step(event)
    else:
        raise AssertionError("never live")

    ids = [m.id.time for m in got]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    newest = start - 1
    floors = {-1 if since is OLDEST else newest if since is NEWEST else min(2, newest)}
    if since == MessageId(2, 0):
        # When it is heard of while history is read, it was had elsewhere.
        floors.add(2)
    stored = [n for n in ids if backend.log[n].stored]
    assert stored in [[m.id.time for m in backend.log if m.stored and m.id.time > floor] for floor in floors]
    unstored = {m.id.time for m in backend.log[start:] if not m.stored and m.id.time > max(floors)}
    assert unstored <= set(ids) or subscription.lost


def test_an_id_that_another_process_has_heard_of_first() -> None:
    subscription = Subscription(MessageId(2, 0), 100)
    subscription.ask()
    subscription.arrived([message(1, stored=False), message(2, stored=False)])
    subscription.arrived([message(3)])
    assert subscription.page([message(3)], MessageId(3, 0), False) == ([message(3)], True)


def test_an_empty_channel_is_live_at_once() -> None:
    subscription = Subscription(OLDEST, 100)
    assert subscription.ask() is OLDEST
    assert subscription.page([], BEFORE_ALL, False) == ([], True)


def test_an_id_beyond_the_last_one_is_clamped() -> None:
    subscription = Subscription(MessageId(99, 0), 100)
    assert subscription.page([], MessageId(3, 0), False) == ([], True)
    assert subscription.since == MessageId(3, 0)


def test_it_is_not_live_before_it_has_read_up_to_what_arrived() -> None:
    subscription = Subscription(OLDEST, 100)
    subscription.ask()
    subscription.arrived([message(2)])
    out, live = subscription.page([message(0), message(1)], MessageId(1, 0), False)
    assert ([m.body for m in out], live) == ([b"0", b"1"], False)
    assert subscription.ask() == MessageId(1, 0)
    out, live = subscription.page([message(2)], MessageId(2, 0), False)
    assert ([m.body for m in out], live) == ([b"2"], True)


def test_what_expired_before_it_was_read_does_not_keep_it_reading() -> None:
    subscription = Subscription(MessageId(0, 0), 100)
    subscription.arrived([message(1)])
    subscription.ask()
    assert subscription.page([], MessageId(1, 0), False) == ([], True)


def test_a_history_that_was_lost_does_not_keep_it_reading() -> None:
    subscription = Subscription(MessageId(5, 0), 100)
    subscription.arrived([message(7)])
    subscription.ask()
    assert subscription.page([], BEFORE_ALL, False) == ([], True)
    assert subscription.lost


def test_an_answer_from_before_the_loss_is_not_the_end_of_what_came_since() -> None:
    subscription = Subscription(OLDEST, 100)
    subscription.arrived([message(7)])
    subscription.ask()
    subscription.arrived([message(9)])
    assert subscription.page([], BEFORE_ALL, False) == ([], False)


def test_unstored_messages_wait_for_those_before_them() -> None:
    subscription = Subscription(OLDEST, 100)
    subscription.ask()
    subscription.arrived([message(1, False), message(3, False)])
    out, live = subscription.page([message(0), message(2)], MessageId(3, 0), True)
    assert ([m.body for m in out], live) == ([b"0", b"1", b"2"], False)
    out, live = subscription.page([], MessageId(3, 0), False)
    assert ([m.body for m in out], live) == ([b"3"], True)
    assert not subscription.lost


def test_an_unstored_message_that_comes_too_late_for_its_place_is_lost() -> None:
    subscription = Subscription(OLDEST, 100)
    subscription.page([message(0), message(2)], MessageId(4, 0), True)
    subscription.arrived([message(1, False)])
    assert subscription.lost
    assert subscription.page([], MessageId(4, 0), False) == ([], True)


def test_a_page_is_bounded_by_all_that_its_messages_are() -> None:
    for many in (
        [Message(NEWS, MessageId(n, 0), BEFORE_ALL, bytes(PAGE_BYTES // 5)) for n in range(9)],
        [Message(NEWS, MessageId(n, 0), BEFORE_ALL, b"", b"t" * (PAGE_BYTES // 10), "e" * (PAGE_BYTES // 10)) for n in range(9)],
    ):
        assert Subscription(OLDEST, 100).fitting(many) == many[:4]


def test_unstored_messages_are_held_up_to_a_bound() -> None:
    subscription = Subscription(OLDEST, 100)
    subscription.arrived([message(n, False) for n in range(UNSTORED_KEPT)])
    assert not subscription.lost
    subscription.arrived([message(UNSTORED_KEPT, False)])
    assert subscription.lost
    out, _ = subscription.page([], MessageId(UNSTORED_KEPT, 0), False)
    assert [m.id.time for m in out] == list(range(1, UNSTORED_KEPT + 1))
