"""Which store types the contract suite runs on: ``--store-type NAME`` or ``HBPUSH_TEST_STORE=NAME``, else those the suite knows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest

from tests.contract import redis_harness  # noqa: F401 - it adds its harness
from tests.contract.harness import HARNESSES, Harness, Subject


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--store-type", action="append", help="run the store contract suite on this entry point of hbpush.stores only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "store_type" not in metafunc.fixturenames:
        return
    # The option is known only when pytest was started on this folder; the environment always is.
    names = metafunc.config.getoption("--store-type", default=None) or os.environ.get("HBPUSH_TEST_STORE", "").split()
    if not names:
        installed = entry_points(group="hbpush.stores").names
        names = [name for name in HARNESSES if name in installed]
    metafunc.parametrize("store_type", names)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def make(store_type: str, runner: asyncio.Runner) -> Iterator[Callable[..., Subject]]:
    """Makes started stores of the type under test; keyword arguments are settings. They are stopped after the test."""
    harness = HARNESSES.get(store_type, Harness)(store_type)
    reason = harness.missing()
    if reason is not None:
        pytest.skip(reason)
    made: list[Subject] = []

    def make(**options: Any) -> Subject:
        made.append(Subject(harness, runner, **options))
        return made[-1]

    yield make
    for subject in made:
        subject.stop()


@pytest.fixture
def store(make: Callable[..., Subject]) -> Subject:
    """A started store with the settings of its type."""
    return make()
