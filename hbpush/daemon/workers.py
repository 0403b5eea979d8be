"""Several processes that are one server: the supervisor, which forks workers that share a port.

It reserves the port, starts the workers, puts others in the place of those that end, and passes on what signals ask for. It has no event
loop, no thread and no client, so that whatever it forks begins clean. The workers' side is in `worker`.
"""

from __future__ import annotations

import logging
import os
import random
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import NoReturn

from hbpush.daemon import log
from hbpush.daemon.configuration import Configuration, Flags, load
from hbpush.daemon.reservation import reserve
from hbpush.daemon.run import listening_line, raise_descriptor_limit, serve_as
from hbpush.daemon.worker import FAILED, LISTENING, RELOAD, RELOADED, SIGNALS, STOP, Worker, WorkerFormatter
from hbpush.errors import ConfigError

logger = logging.getLogger("hbpush")

LEAVING = 10.0
"""Seconds for workers to end, of which they take three by themselves; who is there after that is killed."""

STEADY = 10.0
"""Seconds of listening after which the end of a worker is no failure of its start."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between the end of a worker and the start of the next, which double with each that does not get steady."""

LOOK_AGAIN = 60.0


def serve(flags: Flags, configuration: Configuration) -> int:
    """Serve by workers until a signal ends it; return the exit status. Raises ConfigError when it cannot start."""
    log.set_up(configuration.server.log_level)
    descriptors = raise_descriptor_limit()
    reserved = reserve(configuration.server)
    try:
        return Supervisor(flags, configuration, descriptors, reserved).run()
    finally:
        for held in reserved:
            held.close()


def pause_after(listened: float, pause: float) -> float:
    """Seconds until the next worker, when one has ended that listened so long and came after such a pause."""
    return FIRST_PAUSE if listened >= STEADY else min(max(2 * pause, FIRST_PAUSE), LONGEST_PAUSE)


class Post:
    """The place of one worker: the process that has it, if any, and when the next one is due."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid = 0
        """0 when there is no process to be waited for."""
        self.channel: socket.socket | None = None
        """What leads to the worker; None when there is none, or it has closed its end."""
        self.said = b""
        self.since: float | None = None
        """When it began to listen."""
        self.pause = 0.0
        self.due = 0.0

    def tell(self, order: bytes) -> None:
        """Give the worker an order, if there is one to hear it."""
        if self.channel is not None:
            with suppress(OSError):
                self.channel.send(order)

    def hear(self) -> None:
        """Take in what the worker has said, without waiting."""
        while self.channel is not None:
            try:
                more = self.channel.recv(4096)
            except BlockingIOError:
                return
            except OSError:
                more = b""
            self.said += more
            if not more:
                self.close()

    def ended(self) -> int | None:
        """How the worker ended, as `os.waitstatus_to_exitcode` tells it, once; None while there is one."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """The worker is not spoken to any more."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None


class Supervisor:
    """The process that was started: the parent of the workers."""

    def __init__(self, flags: Flags, configuration: Configuration, descriptors: int, reserved: list[socket.socket]) -> None:
        self._flags = flags
        self._configuration = configuration
        self._read_again: Configuration | None = None
        """What SIGHUP has brought, until the first worker serves it."""
        self._started_as = configuration.server
        self._descriptors = descriptors
        self._reserved = reserved
        self._posts = [Post(number) for number in range(1, configuration.server.workers + 1)]
        self._announced = False
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)

    def run(self) -> int:
        """Start, watch, end. Returns the exit status. Raises ConfigError when a worker cannot start."""
        for number in SIGNALS:
            # Python writes the number to the waker; without a handler it would not.
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        try:
            asked = self._watch()
            logger.info("%s: stopping", asked.name)
        finally:
            again = self._end()
            signal.set_wakeup_fd(-1)
            self._close()
        if again is not None:
            return 128 + again
        logger.info("stopped")
        return 0

    def _watch(self) -> signal.Signals:
        """Until SIGTERM or SIGINT, which is returned."""
        while True:
            self._fill()
            for number in self._wait(min((post.due for post in self._posts if not post.pid), default=None)):
                if number in (signal.SIGTERM, signal.SIGINT):
                    return number
                if number == signal.SIGHUP:
                    self._reload()
            for post in self._posts:
                self._listen_to(post)
                pid = post.pid
                if pid and (status := post.ended()) is not None:
                    self._listen_to(post)
                    self._lost(post, pid, status)

    def _wait(self, until: float | None) -> list[signal.Signals]:
        """Wait for a signal or word of a worker, or until a moment. Returns the signals in their order."""
        poll = select.poll()
        for channel in (self._woken, *(post.channel for post in self._posts)):
            if channel is not None:
                poll.register(channel, select.POLLIN)
        left = LOOK_AGAIN if until is None else min(max(until - time.monotonic(), 0), LOOK_AGAIN)
        # Rounded up, else the last millisecond would be spent asking.
        poll.poll(int(left * 1000) + 1)
        try:
            return [signal.Signals(number) for number in self._woken.recv(4096)]
        except BlockingIOError:
            return []

    def _fill(self) -> None:
        """Start what is due."""
        for post in self._posts:
            if not post.pid and post.due <= time.monotonic():
                try:
                    self._fork(post)
                except OSError as error:
                    self._missed(post, f"cannot be started: {os.strerror(error.errno or 0)}", logging.ERROR)

    def _fork(self, post: Post) -> None:
        post.channel, theirs = socket.socketpair()
        post.said, post.since = b"", None
        for end in (post.channel, theirs):
            end.setblocking(False)
        # Until the worker's loop takes signals they wait: its handlers are still the supervisor's.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            post.pid = os.fork()
            if not post.pid:
                self._become(post.number, theirs)
        except OSError:
            post.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        if self._read_again is not None:
            post.tell(RELOAD)

    def _become(self, number: int, channel: socket.socket) -> NoReturn:
        """Be a worker, in the process that was just forked; nothing of the supervisor's goes on in it."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for taken in SIGNALS:
                signal.signal(taken, signal.SIG_DFL)
            port = self._reserved[0].getsockname()[1]
            # Above all the ends that lead to the other workers: they would not hear that the supervisor has gone.
            self._close()
            for handler in logging.getLogger().handlers:
                handler.setFormatter(WorkerFormatter(number))
            worker = Worker(number, self._started_as, port, channel)
            status = worker.work(lambda: serve_as(worker, self._flags, self._configuration, self._descriptors))
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(status)

    def _close(self) -> None:
        for own in (self._woken, self._waker, *self._reserved):
            own.close()
        for post in self._posts:
            post.close()

    def _listen_to(self, post: Post) -> None:
        post.hear()
        while post.said and not post.said.startswith(FAILED):
            word, post.said = post.said[:1], post.said[1:]
            if word == LISTENING:
                self._listens(post)
            elif word == RELOADED and self._read_again is not None:
                self._configuration, self._read_again = self._read_again, None
                log.set_level(self._configuration.server.log_level)

    def _listens(self, post: Post) -> None:
        post.since = time.monotonic()
        if self._announced:
            logger.info("worker %d listens again, as process %d", post.number, post.pid)
        elif all(other.since is not None for other in self._posts):
            self._announced = True
            log.say(
                listening_line(
                    self._flags.program, [held.getsockname()[:2] for held in self._reserved], self._configuration, self._descriptors
                )
            )

    def _lost(self, post: Post, pid: int, status: int) -> None:
        """A worker has ended, and nobody asked for it."""
        why = post.said.removeprefix(FAILED).decode(errors="replace")
        post.close()
        if why and not self._announced:
            raise ConfigError(why)
        self._missed(post, f"(process {pid}) ended {how(status)}{why and f': {why}'}", logging.ERROR if status else logging.WARNING)

    def _missed(self, post: Post, what: str, level: int) -> None:
        """There is no worker at a post. Raises ConfigError before the server is one."""
        if not self._announced:
            raise ConfigError(f"worker {post.number} {what}")
        now = time.monotonic()
        post.pause = pause_after(0 if post.since is None else now - post.since, post.pause)
        # Workers that have lost the same thing do not all come back for it at the same moment.
        pause = post.pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        post.due = now + pause
        logger.log(level, "worker %d %s; the next starts in %.2f seconds", post.number, what, pause)

    def _reload(self) -> None:
        """Read the configuration again, so that it is refused once and not by each worker; then have them do so."""
        try:
            self._read_again = load(self._flags, os.environ, self._started_as)
        except ConfigError as error:
            logger.error("the configuration stays as it was: %s", error)
        except Exception:
            # A plug-in may raise anything; what is served must not end by it.
            logger.exception("the configuration could not be read again")
        else:
            for post in self._posts:
                post.tell(RELOAD)

    def _end(self) -> signal.Signals | None:
        """End all workers, in bounded time. A further SIGTERM or SIGINT, which ends them at once, is returned."""
        for post in self._posts:
            post.tell(STOP)
        end = time.monotonic() + LEAVING
        again = None
        while (left := [post for post in self._posts if post.pid and post.ended() is None]) and again is None and time.monotonic() < end:
            again = next((number for number in self._wait(end) if number in (signal.SIGTERM, signal.SIGINT)), None)
            for post in left:
                post.hear()
        if again is not None:
            logger.info("%s again: leaving at once", again.name)
        for post in left:
            if again is None:
                logger.error("worker %d (process %d) has not ended in %d seconds: it is killed", post.number, post.pid, LEAVING)
            os.kill(post.pid, signal.SIGKILL)
        for post in left:
            os.waitpid(post.pid, 0)
        return again


def how(status: int) -> str:
    """The way a process ended, in words."""
    if status >= 0:
        return f"with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"
