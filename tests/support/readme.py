"""Reads the README as a user does: runs its commands in terminals, and compares what they print with what it shows.

What it understands of reStructuredText:

- ``.. code-block:: console`` holds commands after ``$ `` and, below each, what it prints; without a command, what a terminal prints next.
- ``.. terminal: NAME`` before a block: it belongs to that terminal. A command in the terminal without a name has to end, with status 0,
  before the next; one in a named terminal may go on, and only what is shown is waited for.
- ``.. repeat`` before a block: its command is given again until it prints what is shown; with ``: NAME``, until that terminal prints
  something too.
- ``.. needs: PACKAGE`` before a block: where that system package is missing it is passed over, and the test run lists it.
- ``.. no-run: REASON`` before a block: it is passed over, and the test run lists it.

Parts that differ from run to run (`_VARYING`) only have to be of the same kind. Where a later command names a date or an id that was shown,
it is given the one that was printed.
"""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

TIMEOUT = 30.0
MOVED = 0.5
"""Seconds for another terminal to print what a command leads to."""

_VARYING = re.compile(
    r"(?P<now>(?<=Date: )\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT)"
    r"|(?P<date>\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT)"
    r"|(?P<id>\b\d{9,10}:\d+\b)"
    r"|(?P<etag>(?<=Etag: )\d+)"
    r"|(?P<version>\b\d+\.\d+\.\d+(?:\.?(?:dev|a|b|rc)\d+)?\b(?!\.\d))"
    r"|(?P<seconds>\d+(?= sec\. ago)|(?<=\"requested\": )\d+)"
    r"|(?P<descriptors>\d+(?= file descriptors))"
    r"|(?P<clock>^\d\d:\d\d:\d\d$)"
    r"|(?P<logged>^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}(?= [A-Z]+ ))",
    re.MULTILINE,
)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_REMEMBERED = ("date", "id")


@dataclass
class Step:
    """A command, or None where a block only shows output, and what is shown below it."""

    command: str | None
    shown: list[str] = field(default_factory=list)


@dataclass
class Block:
    """One code block of the README."""

    line: int
    language: str
    text: str
    terminal: str = ""
    repeat: str | None = None
    no_run: str = ""
    needs: str = ""

    def steps(self) -> list[Step]:
        """The commands of a console block."""
        steps: list[Step] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                steps.append(Step(line[2:]))
            elif steps and steps[-1].command is not None and steps[-1].command.endswith("\\") and line.startswith("> "):
                steps[-1].command += "\n" + line[2:]
            else:
                if not steps:
                    steps.append(Step(None))
                steps[-1].shown.append(line)
        return steps


def blocks(text: str) -> Iterator[Block]:
    """The code blocks of a README, in order."""
    marks: dict[str, str] = {}
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        mark = re.fullmatch(r"\.\. (terminal|repeat|no-run|needs)(?:: (.+))?", line)
        start = re.fullmatch(r"\.\. code-block:: (\w+)", line)
        if mark:
            marks[mark[1]] = mark[2] or ""
        elif start:
            first = at
            while at < len(lines) and (not lines[at] or lines[at].startswith("   ")):
                at += 1
            body = [line[4:] for line in lines[first:at]]
            content = "\n".join(body).strip("\n")
            yield Block(
                first, start[1], content,
                marks.get("terminal", ""), marks.get("repeat"), marks.get("no-run", ""), marks.get("needs", ""),
            )  # fmt: skip
            marks = {}


class Mismatch(AssertionError):
    """What a terminal printed is not what the README shows."""


class Terminal:
    """A shell with a terminal for its output, so that programs print as they do for a person."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._output, slave = pty.openpty()
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.printed = ""

    def give(self, text: str) -> None:
        """Type a line."""
        stdin = self._shell.stdin
        assert stdin is not None
        stdin.write(text.encode() + b"\n")
        stdin.flush()

    def read(self, until: float) -> bool:
        """Wait for more output; False when none came until then (a time of `time.monotonic`), or no more can come."""
        ready, _, _ = select.select([self._output], [], [], max(0.0, until - time.monotonic()))
        try:
            piece = os.read(self._output, 65536) if ready else b""
        except OSError:
            # What Linux says when the last process has closed its side of the terminal.
            return False
        self.printed = _STYLE.sub("", self.printed + piece.decode("utf-8", "replace").replace("\r", ""))
        return bool(piece)

    def run(self, command: str) -> str:
        """What a command prints until it has ended. Raises Mismatch when it fails or does not end in time."""
        self.printed = ""
        self.give(f"{command}\nprintf '\\nended %d\\n' $?")
        end = time.monotonic() + TIMEOUT
        while not (found := re.search(r"\nended (\d+)\n$", self.printed)):
            if not self.read(end):
                raise Mismatch(f"did not end: {command}\n{self.printed}")
        printed = self.printed[: found.start()]
        self.printed = ""
        if found[1] != "0":
            raise Mismatch(f"ended with status {found[1]}: {command}\n{printed}")
        return printed

    def close(self) -> None:
        """End the shell and what runs in it."""
        self._signal(signal.SIGTERM)
        end = time.monotonic() + 5
        while self.read(end):
            pass
        self._signal(signal.SIGKILL)
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.wait(5)
        os.close(self._output)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._shell.pid, number)


class Reader:
    """Follows a README. ``replaced`` are words in it that stand for others here, such as its port for a free one."""

    def __init__(self, directory: Path, environment: Mapping[str, str], replaced: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._replaced = dict(replaced)
        self._terminals: dict[str, Terminal] = {}

    def follow(self, block: Block) -> None:
        """Do what a console block says. Raises Mismatch when it shows something else than what is printed."""
        terminal = self._terminals.get(block.terminal)
        if terminal is None:
            terminal = self._terminals[block.terminal] = Terminal(self._directory, self._environment)
        for step in block.steps():
            command = None if step.command is None else self._here(step.command)
            shown = "\n".join(step.shown).rstrip("\n")
            try:
                if block.repeat is not None and command is not None:
                    self._repeat(terminal, command, shown, self._terminals[block.repeat] if block.repeat else None)
                elif block.terminal:
                    self._watch(terminal, command, shown)
                elif command is not None:
                    self._compare(shown, terminal.run(command))
            except Mismatch as error:
                raise Mismatch(f"README line {block.line}: {step.command or 'output'}\n{error}") from None

    def close(self) -> None:
        """End every terminal."""
        for terminal in self._terminals.values():
            terminal.close()

    def _repeat(self, terminal: Terminal, command: str, shown: str, moved: Terminal | None) -> None:
        end = time.monotonic() + TIMEOUT
        while True:
            try:
                self._compare(shown, terminal.run(command))
            except Mismatch:
                if time.monotonic() > end:
                    raise
                continue
            if moved is None or moved.printed or moved.read(time.monotonic() + MOVED):
                return
            if time.monotonic() > end:
                raise Mismatch("the other terminal prints nothing")

    def _watch(self, terminal: Terminal, command: str | None, shown: str) -> None:
        if command is not None:
            terminal.printed = ""
            terminal.give(command)
        end = time.monotonic() + TIMEOUT
        while shown:
            try:
                self._compare(shown, terminal.printed)
                terminal.printed = ""
                break
            except Mismatch:
                if not terminal.read(end):
                    raise

    def _here(self, text: str) -> str:
        return replace_all(text, self._replaced)

    def _compare(self, shown: str, printed: str) -> None:
        printed = printed.rstrip("\n")
        if _VARYING.sub(_kind, self._here(shown)) != _VARYING.sub(_kind, printed):
            raise Mismatch(f"--- shown\n{self._here(shown)}\n--- printed\n{printed}\n---")
        for ours, theirs in zip(_VARYING.finditer(shown), _VARYING.finditer(printed), strict=True):
            if ours.lastgroup in _REMEMBERED:
                self._replaced[ours[0]] = theirs[0]


def replace_all(text: str, replaced: Mapping[str, str]) -> str:
    """A text with each of some words replaced by another, in which nothing is replaced."""
    if not replaced:
        return text
    longest_first = sorted(replaced, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: replaced[found[0]], text)


def _kind(match: re.Match[str]) -> str:
    return f"<{match.lastgroup}>"
