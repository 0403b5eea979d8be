"""One question for all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from hbpush.stores.redis_place import Question


class Asked:
    """Waits for its answer, and tells what became of it."""

    def __init__(self) -> None:
        self.times = 0
        self.ended = 0
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.times += 1
        try:
            return await self.answer
        finally:
            await asyncio.sleep(0)
            self.ended += 1


def run(test: Coroutine[None, None, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


async def begin(question: Question[str], count: int) -> list[asyncio.Task[str]]:
    askers = [asyncio.create_task(question.answer()) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return askers


def test_all_have_one_answer() -> None:
    async def test() -> None:
        asked = Asked()
        question = Question(asked())
        askers = await begin(question, 3)
        assert not question.is_over
        asked.answer.set_result("here")
        assert await asyncio.gather(*askers) == ["here"] * 3
        assert (asked.times, question.waiting, question.is_over) == (1, 0, True)

    run(test())


def test_all_have_one_failure() -> None:
    async def test() -> None:
        asked = Asked()
        askers = await begin(Question(asked()), 2)
        asked.answer.set_exception(OSError("nowhere"))
        for asker in askers:
            with pytest.raises(OSError, match="nowhere"):
                await asker

    run(test())


def test_who_goes_leaves_it_to_the_others() -> None:
    async def test() -> None:
        asked = Asked()
        question = Question(asked())
        first, second = await begin(question, 2)
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        assert not question.is_over
        asked.answer.set_result("here")
        assert await second == "here"

    run(test())


def test_the_last_to_go_takes_it_back() -> None:
    async def test() -> None:
        asked = Asked()
        question = Question(asked())
        askers = await begin(question, 2)
        for asker in askers:
            asker.cancel()
        await asyncio.sleep(0)
        # Who asks from now on is not to wait for what is ending.
        assert question.is_over
        assert not asked.ended
        await asyncio.wait(askers)
        assert all(asker.cancelled() for asker in askers)
        assert asked.ended == 1

    run(test())
