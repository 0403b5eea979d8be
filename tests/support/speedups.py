"""What setup.py compiles: whether it can be, here."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from tests.support import packages


def missing() -> str | None:
    """What it lacks."""
    # The one that this Python was compiled by, as setuptools takes it.
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None or packages.missing("libc6-dev"):
        return f"needs: sudo apt-get install {compiler} libc6-dev"
    header = Path(sysconfig.get_path("include")) / "Python.h"
    return None if header.exists() else f"needs the headers of Python: {header}"
