"""The book of a run: what was published, what every subscriber was told, and what is wrong with that. Pure."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

from tests.conformance.matrix.payloads import Value, is_spelled, number_of

SHOWN = 3
"""Examples of a fault that are told; how many more there are is told as a number."""


class Ledger:
    """`publish` what is about to be published, and `subscribe` who listens; then `hear`, and at the end `faults`."""

    def __init__(self) -> None:
        self._published: dict[int, Value] = {}
        self._heard: dict[str, list[int]] = {}
        self._ids: dict[int, str] = {}
        self._faults: dict[str, list[str]] = {}

    def publish(self, number: int, value: Value) -> None:
        """``value`` is what is to be heard of the message with that number. Numbers rise."""
        assert number > max(self._published, default=-1)
        self._published[number] = value

    def subscribe(self, name: str) -> None:
        assert name not in self._heard
        self._heard[name] = []

    def hear(self, name: str, typed: bool, value: Value, id: str | None) -> int | None:
        """A subscriber was told a value: its number. Where it is not ``typed``, JSON comes as text."""
        try:
            number = number_of(value)
        except ValueError:
            self._fault(name, f"strange: {value!r}")
            return None
        self._heard[name].append(number)
        wanted = self._published.get(number)
        meant = json.loads(value) if not typed and isinstance(wanted, dict) and is_spelled(value) else value
        same = type(meant) is type(wanted) and meant == wanted
        if not same:
            self._fault(name, f"not as it was published: {value!r}, and not {wanted!r}")
        if id is not None and self._ids.setdefault(number, id) != id:
            self._fault(name, f"another id: {number} has {id}, and {self._ids[number]} for others")
        return number

    def faults(self) -> list[str]:
        """Every fault in a line; none when all is well."""
        lines = [] if self._published and self._heard else ["nothing was tried"]
        for name, numbers in self._heard.items():
            counts = Counter(numbers)
            kinds = {
                "lost": [number for number in self._published if number not in counts],
                "doubled": [number for number, times in counts.items() if times > 1],
                "out of order": [later for before, later in pairwise(numbers) if later < before],
            }
            lines += [f"{name}: {kind}: {_few(examples)}" for kind, examples in kinds.items() if examples]
            lines += [f"{name}: {text}" for text in _few_lines(self._faults.get(name, []))]
        fallen = [later for before, later in pairwise(sorted(self._ids)) if _parsed(self._ids[later]) <= _parsed(self._ids[before])]
        if fallen:
            lines.append(f"ids do not rise with the numbers: {_few(fallen)}")
        return lines

    def _fault(self, name: str, text: str) -> None:
        self._faults.setdefault(name, []).append(text)


def _few(numbers: list[int]) -> str:
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return ", ".join(map(str, numbers[:SHOWN])) + more


def _few_lines(texts: list[str]) -> list[str]:
    return texts[:SHOWN] + ([f"and {len(texts) - SHOWN} more"] if len(texts) > SHOWN else [])


def _parsed(id: str) -> tuple[int, int]:
    second, _, tag = id.partition(":")
    return int(second), int(tag)
