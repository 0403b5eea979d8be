"""What an installation has: every package, and every file beside the code that the code reads."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.process import ROOT

BUILD = """
import json
from distutils.core import run_setup

building = run_setup("setup.py", stop_after="init").get_command_obj("build_py")
building.ensure_finalized()
modules = [path for _, _, path in building.find_all_modules()]
modules += [path for extension in building.distribution.ext_modules for path in extension.sources]
print(json.dumps(modules + [f"{source}/{name}" for _, source, _, names in building.data_files for name in names]))
"""
ROOMS = ("hbpush", "tyron", "socketio_compat", "sethpusher")


def test_everything_is_shipped() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"import setuptools{BUILD}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shipped = {path.replace("\\", "/").removeprefix("./") for path in json.loads(done.stdout.splitlines()[-1])}
    there = {
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }
    assert "hbpush/console/page/index.html" in there
    assert there - shipped == set()
