"""A value that is there, or will be: what stores return so that the hot path needs no await and no Task."""

from __future__ import annotations

from asyncio import CancelledError, Future
from collections.abc import Callable
from typing import TypeAlias, TypeVar, Union

T = TypeVar("T")

Result: TypeAlias = Union[T, "Future[T]"]
"""Either the value itself, or a Future of it. Never a coroutine."""


def then(result: Result[T], on_value: Callable[[T], object], on_error: Callable[[BaseException], object]) -> None:
    """Go on with the value: at once if it is there, else when it comes.

    An error that is raised instead of returned is the caller's already; ``on_error`` hears of one that comes later,
    a cancellation included. What the two callbacks return is not looked at.
    """
    if not isinstance(result, Future):
        on_value(result)
        return

    def done(future: Future[T]) -> None:
        if future.cancelled():
            on_error(CancelledError())
        elif (error := future.exception()) is not None:
            on_error(error)
        else:
            on_value(future.result())

    result.add_done_callback(done)


def resolve(future: Future[T], value: T) -> None:
    """Give a Future its value, unless whoever waited for it has cancelled it."""
    if not future.done():
        future.set_result(value)


def fail(future: Future[T], error: BaseException) -> None:
    """Give a Future its error, unless whoever waited for it has cancelled it."""
    if not future.done():
        future.set_exception(error)
