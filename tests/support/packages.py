"""System packages that tests need: listed in ``packages.txt``, installed by ``bin/test --install``, done without by skipping."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

LIST = Path(__file__).with_name("packages.txt")


def known() -> dict[str, str]:
    """Package -> the program or absolute path by which it is found."""
    signs: dict[str, str] = {}
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            package, sign = line.split()
            signs[package] = sign
    return signs


def missing(*packages: str) -> list[str]:
    """Those of ``packages`` that are not installed. Raises KeyError for one that the list does not have."""
    signs = known()
    return [
        package for package in packages if not (Path(signs[package]).exists() if "/" in signs[package] else shutil.which(signs[package]))
    ]


def needs(*packages: str) -> pytest.MarkDecorator:
    """Skip a test, with the command that installs them, where one of ``packages`` is missing."""
    absent = missing(*packages)
    return pytest.mark.skipif(bool(absent), reason=f"needs: sudo apt-get install {' '.join(absent)}")
