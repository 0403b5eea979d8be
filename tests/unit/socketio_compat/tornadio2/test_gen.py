"""Handlers as generators: what they may yield, and that queued calls keep their order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import pytest

from socketio_compat.tornadio2 import gen

Steps = Generator[Any, Any, Any]


def run(main: Callable[[], Awaitable[None]]) -> list[BaseException]:
    """Run a test in a loop; the errors that the loop was told of."""
    errors: list[BaseException] = []

    async def in_loop() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context["exception"]))
        await main()

    asyncio.run(in_loop())
    return errors


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def soon(value: object, callback: Callable[[object], object]) -> None:
    asyncio.get_running_loop().call_soon(callback, value)


def test_what_may_be_yielded() -> None:
    got: list[object] = []

    async def coroutine() -> str:
        return "coroutine"

    @gen.engine
    def handler() -> Steps:
        got.append((yield gen.Task(soon, 1)))
        got.append((yield coroutine()))
        got.append((yield [gen.Task(soon, 2), gen.Task(soon, 3)]))
        got.append((yield {"a": gen.Task(soon, 4)}))
        got.append((yield None))
        first, second = (yield gen.Callback("k")), (yield gen.Callback("l"))
        soon(5, first)
        second(6, 7, b=8)
        got.append((yield gen.Wait("k")))
        got.append((yield gen.Wait("l")))
        soon(9, (yield gen.Callback(1)))
        (yield gen.Callback(2))()
        got.append((yield gen.WaitAll([1, 2])))

    async def main() -> None:
        assert handler() is None
        await turns(40)

    assert run(main) == []
    assert got == [1, "coroutine", [2, 3], {"a": 4}, None, 5, gen.Arguments((6, 7), {"b": 8}), [9, None]]


def test_it_runs_at_once_to_its_first_wait() -> None:
    got: list[int] = []

    @gen.engine
    def handler() -> Steps:
        got.append(1)
        yield gen.Task(lambda callback: callback())
        got.append(2)
        yield gen.Task(soon, None)
        got.append(3)

    async def main() -> None:
        handler()
        assert got == [1, 2]
        await turns()
        assert got == [1, 2, 3]

    assert run(main) == []


def test_errors_reach_the_generator_the_caller_or_the_loop() -> None:
    caught: list[str] = []

    async def failing() -> None:
        raise KeyError("a")

    @gen.engine
    def handler(late: bool) -> Steps:
        for wrong in (failing(), gen.Wait("none"), 5):
            try:
                yield wrong
            except Exception as error:  # noqa: BLE001
                caught.append(type(error).__name__)
        if late:
            yield gen.Task(soon, None)
        raise ZeroDivisionError

    @gen.engine
    def at_once() -> Steps:
        raise ZeroDivisionError
        yield

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            at_once()
        handler(True)
        await turns()

    errors = run(main)
    assert caught == ["KeyError", "UnknownKeyError", "BadYieldError"]
    assert [type(error) for error in errors] == [ZeroDivisionError]


def test_a_cancelled_future_cancels() -> None:
    got: list[str] = []

    @gen.engine
    def handler(future: asyncio.Future[None]) -> Steps:
        try:
            yield future
        except asyncio.CancelledError:
            got.append("cancelled")

    async def main() -> None:
        future = asyncio.get_running_loop().create_future()
        handler(future)
        future.cancel()
        await turns()

    assert run(main) == []
    assert got == ["cancelled"]


def test_keys_are_kept_in_order() -> None:
    @gen.engine
    def reused() -> Steps:
        yield gen.Callback("k")
        yield gen.Callback("k")

    @gen.engine
    def leaked() -> Steps:
        yield gen.Callback("k")

    async def main() -> None:
        with pytest.raises(gen.KeyReuseError):
            reused()
        with pytest.raises(gen.LeakedCallbackError):
            leaked()

    assert run(main) == []


def test_plain_functions_pass_through_an_engine() -> None:
    async def main() -> None:
        assert gen.engine(lambda: 5)() is None

    assert run(main) == []


class Connection:
    def __init__(self) -> None:
        self.got: list[object] = []
        self.gates: dict[object, Callable[[], object]] = {}

    def gate(self, name: object, callback: Callable[[], object]) -> None:
        self.gates[name] = callback

    @gen.sync_engine
    def on_message(self, message: object) -> Steps:
        self.got.append(("begin", message))
        yield gen.Task(self.gate, message)
        self.got.append(("end", message))
        if message == "bad":
            raise ZeroDivisionError

    @gen.sync_engine
    def on_event(self, name: str) -> object:
        return self.slow() if name == "slow" else name

    def slow(self) -> Steps:
        yield gen.Task(self.gate, "slow")
        self.got.append("slow")


def test_calls_of_one_instance_queue() -> None:
    async def main() -> None:
        one, other = Connection(), Connection()
        for message in ("a", "b"):
            one.on_message(message)
        other.on_message("c")
        assert (one.got, other.got) == ([("begin", "a")], [("begin", "c")])
        await turns()
        assert one.got == [("begin", "a")]
        one.gates["a"]()
        await turns()
        assert one.got == [("begin", "a"), ("end", "a"), ("begin", "b")]
        # Another method has a queue of its own.
        assert one.on_event("fast") == "fast"

    assert run(main) == []


def test_a_failed_call_lets_the_next_one_run() -> None:
    async def main() -> None:
        one = Connection()
        for message in ("bad", "b"):
            one.on_message(message)
        one.gates["bad"]()
        await turns()
        assert one.got == [("begin", "bad"), ("end", "bad"), ("begin", "b")]

    assert [type(error) for error in run(main)] == [ZeroDivisionError]


def test_a_function_that_returns_a_generator() -> None:
    async def main() -> None:
        one = Connection()
        assert one.on_event("slow") is None
        assert one.on_event("fast") is None
        one.gates["slow"]()
        await turns()
        assert one.got == ["slow"]
        assert one.on_event("fast") == "fast"

    assert run(main) == []


def test_the_queue_has_a_bound() -> None:
    async def main() -> None:
        one = Connection()
        for message in range(gen.CallQueue.longest + 1):
            one.on_message(message)
        with pytest.raises(gen.QueueFull):
            one.on_message("too many")

    assert run(main) == []


def test_a_long_queue_of_short_calls_is_not_deep() -> None:
    done: list[int] = []

    class Short:
        @gen.sync_engine
        def call(self, number: int, waits: bool) -> Steps:
            if waits:
                yield asyncio.sleep(0)
            done.append(number)

    async def main() -> None:
        short = Short()
        for number in range(1000):
            short.call(number, number == 0)
        await turns(1100)

    assert run(main) == []
    assert done == list(range(1000))
