"""What real clients are to play, and what they have told. Only values: starts nothing, reads nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Case(ABC):
    """A client and how it is used: the transport that it is forced to, and where its page is from ("" on Node, "same" or "cross"). Equal
    ones are one. Protocols derive from it, and add what else tells their clients apart."""

    transport: str
    page: str = ""

    @property
    def id(self) -> str:
        """Unique among the cases of a run; in the names of the tests."""
        return f"{self.transport}-{self.page}" if self.page else self.transport

    @abstractmethod
    def plays(self, scenario: str, host: str) -> bool:
        """Whether the scenario is for this client on this host."""


Wanted = Mapping[Case, Sequence[str]]
"""Case -> the scenarios that it is to play."""

Told = dict[tuple[Case, str], dict[str, Any]]
"""(case, scenario) -> the facts. What is missing there has not been told. (case, CRASH) has what the client threw where no scenario
could catch it, as facts by their order."""

CRASH = "crash"
