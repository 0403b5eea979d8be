"""Servers on Node, with what they need from npm: installed on first use into a folder beside the compiled programs, which git ignores."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.bench.build import FOLDER
from tests.bench.errors import BenchError, last_line

HERE = Path(__file__).parent
INSTALL = "sudo apt-get install nodejs npm"
TIMEOUT = 120
"""Seconds for npm."""


def program() -> str:
    """The path of Node. Raises BenchError with the command that installs it."""
    found = shutil.which("node")
    if found is None:
        raise BenchError(INSTALL)
    return found


_failures: list[str] = []
"""Why the packages could not be installed by this process."""


def modules() -> Path:
    """The folder of the installed packages. Raises BenchError."""
    wanted = (HERE / "package.json").read_bytes()
    folder = FOLDER / f"node-{hashlib.sha256(wanted).hexdigest()[:12]}"
    if not folder.exists():
        if _failures:
            # Without a network each try would take its whole time again.
            raise BenchError(_failures[0])
        try:
            _install(wanted, folder)
        except BenchError as error:
            _failures.append(str(error))
            raise
    return folder / "node_modules"


def version(package: str) -> str:
    """Which version of a package is installed."""
    return str(json.loads((modules() / package / "package.json").read_text(encoding="utf-8"))["version"])


def _install(wanted: bytes, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise BenchError(INSTALL)
    FOLDER.mkdir(exist_ok=True)
    # Two runs may install at once: each into a folder of its own, and the last to finish finds the same in place.
    fresh = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=FOLDER))
    try:
        (fresh / "package.json").write_bytes(wanted)
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock", "--prefix", str(fresh)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False, cwd=fresh, env=dict(os.environ))
        if done.returncode != 0:
            raise BenchError(f"npm could not install {folder.name}: {last_line(done.stderr)}")
        if not folder.exists():
            fresh.rename(folder)
    except subprocess.TimeoutExpired:
        raise BenchError(f"npm took more than {TIMEOUT} s") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
