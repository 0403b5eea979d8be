"""What the tests of the daemon share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import throwaway


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The throw-away plug-in, installed: the store type ``blank`` and the location type ``notice``."""
    folder = throwaway.install(tmp_path / "plug-in")
    monkeypatch.syspath_prepend(folder)
    yield folder
    sys.modules.pop("throwaway_plugin", None)
