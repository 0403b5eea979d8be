"""Periodic calls of TornadIO and TornadIO2, whose next run can be put off (TornadIO API, A5, B7). Times are seconds of the loop's clock."""

from __future__ import annotations

from collections.abc import Callable as Function

from tornado.ioloop import IOLoop


class Callback:
    """Calls ``callback`` every ``callback_time`` milliseconds, once started, until stopped.

    A callback that returns a time is called then, instead of after a period. One that raises is called again all the same; its error
    goes to the loop. Without ``io_loop`` the current one is taken at the start.
    """

    def __init__(self, callback: Function[[], float | None], callback_time: float, io_loop: IOLoop | None = None) -> None:
        self.callback = callback
        self.callback_time = callback_time
        self.io_loop = io_loop
        self._timeout: object = None
        self._next_run: float | None = None

    def calculate_next_run(self) -> float:
        """One period from now."""
        return self._loop().time() + self.callback_time / 1000

    def start(self, timeout: float | None = None) -> None:
        """Begin, with a first call at ``timeout``, by default after one period. A call that was waiting is replaced."""
        self.stop()
        self._schedule(self.calculate_next_run() if timeout is None else timeout)

    def stop(self) -> None:
        if self._timeout is not None:
            self._loop().remove_timeout(self._timeout)
        self._timeout = self._next_run = None

    def delay(self) -> None:
        """Let a whole period pass before the next call. Cheap: the timer stays, and looks again when it is over."""
        self._next_run = self.calculate_next_run()

    def _loop(self) -> IOLoop:
        if self.io_loop is None:
            self.io_loop = IOLoop.current()
        return self.io_loop

    def _schedule(self, when: float) -> None:
        self._timeout = self._loop().call_at(when, self._run)

    def _run(self) -> None:
        postponed, self._next_run = self._next_run, None
        if postponed is not None and self._loop().time() < postponed:
            self._schedule(postponed)
            return
        timeout, next_run = self._timeout, None
        try:
            next_run = self.callback()
        finally:
            # Unless the callback stopped it, or started it anew.
            if self._timeout is timeout:
                self._schedule(self.calculate_next_run() if next_run is None else next_run)
