"""The container that programs may have of their own."""

from __future__ import annotations

from socketio_compat.tornadio2.sessioncontainer import SessionBase, SessionContainer


class Item(SessionBase):
    def __init__(self, session_id: str | None = None, expiry: float | None = None, stays: int = 0) -> None:
        super().__init__(session_id, expiry)
        self.stays = stays
        self.deleted: list[bool] = []

    def on_delete(self, forced: bool) -> None:
        self.deleted.append(forced)
        if not forced and self.stays:
            self.stays -= 1
            self.promote()


def date(item: SessionBase) -> float:
    assert item.expiry_date is not None
    return item.expiry_date


def test_expiry() -> None:
    container = SessionContainer()
    late, early, never, promoted = Item("late", 100), Item("early", 10), Item("never"), Item(None, 10)
    for item in (late, early, never, promoted):
        container.add(item)
    assert len(promoted.session_id) == 32
    assert early.is_alive()
    container.expire(date(early) - 1)
    assert container.get("early") is early
    promoted.promote()
    container.expire(date(promoted))
    assert container.get("early") is None
    assert early.deleted == [False]
    assert promoted.deleted == []
    container.expire(date(promoted) + 50)
    assert container.get(promoted.session_id) is None
    assert container.get("late") is late
    container.expire(date(late))
    assert late.deleted == [False]
    container.expire(date(late) + 1e9)
    assert container.get("never") is never


def test_session_that_stays() -> None:
    container = SessionContainer()
    item = Item("a", 10, stays=1)
    container.add(item)
    container.expire(date(item))
    assert container.get("a") is item
    container.expire(date(item) + 20)
    assert container.get("a") is None
    assert item.deleted == [False, False]


def test_removal() -> None:
    container = SessionContainer()
    item = Item("a", 10)
    container.add(item)
    assert container.remove("a")
    assert not container.remove("a")
    container.add(Item("a", 100))
    container.expire(date(item))
    assert item.deleted == [True]
    assert container.get("a") is not None


def test_expired_by_now() -> None:
    container = SessionContainer()
    item = Item("a", -1)
    container.add(item)
    assert not item.is_alive()
    container.expire()
    assert container.get("a") is None
