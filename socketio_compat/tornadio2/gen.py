"""Handlers as generators, as Tornado had them before version 6 (TornadIO API, B7).

A handler yields futures, awaitables, lists or dicts of them, ``Task``, ``Callback``, ``Wait`` and ``WaitAll``. It runs at once up to the
first of them that is not ready. An `engine` returns None: other packets are handled meanwhile, unless `sync_engine` queues them. An error
before the first wait is raised to the caller; a later one goes to the ``generator_failed`` of the object whose method it is (a connection
closes its session then), without one to the loop's exception handler.
"""

from __future__ import annotations

from asyncio import CancelledError, Future, get_running_loop
from collections import deque
from collections.abc import Callable as Function
from collections.abc import Generator, Hashable, Sequence
from functools import partial, wraps
from inspect import isgenerator
from typing import Any, NamedTuple

from tornado.gen import BadYieldError, convert_yielded, multi

from hbpush.errors import HbpushError

Steps = Generator[Any, Any, Any]
Failed = Function[[BaseException], object]


class KeyReuseError(HbpushError):
    """A key of a `Callback` was taken before the one that had it was waited for."""


class UnknownKeyError(HbpushError):
    """A `Wait` for a key that no `Callback` has."""


class LeakedCallbackError(HbpushError):
    """A generator ended with callbacks that it never waited for."""


class QueueFull(HbpushError):
    """More calls wait for their turn than `CallQueue.longest`."""


class Arguments(NamedTuple):
    """What a callback was called with, if not with nothing or with one positional argument."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Callback(NamedTuple):
    """To be yielded: gives a function whose call `Wait` with the same key waits for."""

    key: Hashable


class Wait(NamedTuple):
    """To be yielded: gives what the callback of this key was called with."""

    key: Hashable


class WaitAll(NamedTuple):
    """To be yielded: gives a list of what the callbacks of these keys were called with."""

    keys: Sequence[Hashable]


def Task(func: Function[..., object], *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: N802 - the name of the original
    """Call a function with a further argument ``callback``; the future has what that is called with."""
    future: Future[Any] = get_running_loop().create_future()
    func(*args, callback=partial(_called, future), **kwargs)
    return future


def _called(future: Future[Any], /, *args: Any, **kwargs: Any) -> None:
    if not future.done():
        future.set_result(Arguments(args, kwargs) if kwargs or len(args) > 1 else args[0] if args else None)


class Runner:
    """Runs one generator. ``future`` has its result, or the error that it ended with."""

    def __init__(self, gen: Steps) -> None:
        self.gen = gen
        self.future: Future[Any] = get_running_loop().create_future()
        self._waited: dict[Hashable, Future[Any]] = {}

    def start(self) -> Future[Any]:
        """Start, for somebody who waits for the end."""
        self._advance(None)
        return self.future

    def run(self, failed: Failed | None = None) -> None:
        """Start. Raises what the generator raises before its first wait; ``failed`` is told what it raises later."""
        self._advance(None)
        if self.future.done():
            self.future.result()
        else:
            self.future.add_done_callback(partial(_report, failed))

    def finished(self) -> None:
        """Called when the generator has ended, before anybody else hears of it."""

    def _advance(self, ready: Future[Any] | None) -> None:
        error: BaseException | None = None
        while True:
            try:
                if error is not None:
                    yielded = self.gen.throw(error)
                elif ready is None:
                    yielded = next(self.gen)
                elif (error := _error_of(ready)) is not None:
                    yielded = self.gen.throw(error)
                else:
                    yielded = self.gen.send(ready.result())
                error = None
            except StopIteration as stop:
                self._end(stop.value, None)
                return
            except BaseException as raised:
                # Handed on through the future, to the caller or to the loop.
                self._end(None, raised)
                if isinstance(raised, KeyboardInterrupt | SystemExit):
                    raise
                return
            try:
                ready = self._future_of(yielded)
            except (HbpushError, BadYieldError) as raised:
                error = raised
                continue
            if not ready.done():
                ready.add_done_callback(self._advance)
                return

    def _end(self, result: Any, error: BaseException | None) -> None:
        if error is None and self._waited:
            error = LeakedCallbackError(f"callbacks that nobody waited for: {list(self._waited)!r}")
        self.finished()
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)

    def _future_of(self, yielded: Any) -> Future[Any]:
        match yielded:
            case Callback(key):
                if key in self._waited:
                    raise KeyReuseError(f"key {key!r} is waited for already")
                future = self._waited[key] = get_running_loop().create_future()
                return _ready(partial(_called, future))
            case Wait(key):
                return self._take(key)
            case WaitAll(keys):
                return multi([self._take(key) for key in keys])
            case list():
                return multi([self._future_of(item) for item in yielded])
            case dict():
                return multi({key: self._future_of(item) for key, item in yielded.items()})
            case None:
                return _ready(None)
            case _:
                return convert_yielded(yielded)

    def _take(self, key: Hashable) -> Future[Any]:
        future = self._waited.pop(key, None)
        if future is None:
            raise UnknownKeyError(f"no callback has key {key!r}")
        return future


class SyncRunner(Runner):
    """A `Runner` that calls ``callback`` at its end, whatever that was."""

    def __init__(self, gen: Steps, callback: Function[[], object]) -> None:
        super().__init__(gen)
        self.callback = callback

    def finished(self) -> None:
        self.callback()


class CallQueue:
    """Calls that run one after another: a generator has to end before the next call is made."""

    longest = 1000
    """Calls that may wait; one more is refused with `QueueFull`, which ends the session that sent them."""

    def __init__(self, failed: Failed | None = None) -> None:
        self._failed = failed
        self._waiting: deque[Function[[], Any]] = deque()
        self._is_busy = False

    def __len__(self) -> int:
        return len(self._waiting)

    def call(self, function: Function[[], Any]) -> Any:
        """Call now, or when all earlier calls have ended. What a call returns now that is no generator, the caller gets."""
        if not self._is_busy:
            return self._call(function)
        if len(self._waiting) >= self.longest:
            raise QueueFull(f"{self.longest} calls wait for an earlier one to end")
        self._waiting.append(function)
        return None

    def _call(self, function: Function[[], Any]) -> Any:
        self._is_busy = True
        result = None
        try:
            result = function()
        finally:
            if not isgenerator(result):
                self._free()
        if not isgenerator(result):
            return result
        SyncRunner(result, self._free).run(self._failed)
        return None

    def _free(self) -> None:
        self._is_busy = False
        if self._waiting:
            # Not from here: a long queue of calls that end at once would go as deep.
            self._is_busy = True
            get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        try:
            self._call(self._waiting.popleft())
        except Exception as error:
            if self._failed is None:
                raise
            self._failed(error)


def engine(func: Function[..., Any]) -> Function[..., None]:
    """Let a function that is, or returns, a generator run beside everything else. What it returns is dropped."""

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        result = func(*args, **kwargs)
        if isgenerator(result):
            Runner(result).run(_hears_of_failures(args[0]) if args else None)

    return wrapper


def sync_engine(func: Function[..., Any]) -> Function[..., Any]:
    """As `engine`, for methods: calls on one instance run strictly one after another, later ones wait for their turn."""
    attribute = f"_calls_of_{func.__name__}"

    @wraps(func)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        queue = self.__dict__.get(attribute)
        if queue is None:
            queue = self.__dict__[attribute] = CallQueue(_hears_of_failures(self))
        return queue.call(partial(func, self, *args, **kwargs))

    return wrapper


def _ready(value: Any) -> Future[Any]:
    future: Future[Any] = get_running_loop().create_future()
    future.set_result(value)
    return future


def _error_of(future: Future[Any]) -> BaseException | None:
    return CancelledError() if future.cancelled() else future.exception()


def _hears_of_failures(owner: object) -> Failed | None:
    return getattr(owner, "generator_failed", None)


def _report(failed: Failed | None, future: Future[Any]) -> None:
    error = future.exception()
    if error is None:
        return
    if failed is not None:
        failed(error)
    else:
        future.get_loop().call_exception_handler({"message": "Error in a generator handler", "exception": error, "future": future})
