"""Tyron's scenarios, by the names that the command line knows. Each takes whether it is to be long and under load."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults import tyron_crowd, tyron_limit, tyron_two
from tests.faults.runner import Verdict

TYRON: dict[str, Callable[[bool], Verdict]] = {
    "tyron-since": tyron_crowd.with_since,
    "tyron-waiting": tyron_crowd.while_waiting,
    "tyron-two": tyron_two.two,
    "tyron-limit": tyron_limit.few_descriptors,
}
