"""The official suite of the SockJS protocol, which is written for Python 2, on Python 3: its one file with a few words changed.

    SOCKJS_URL=http://127.0.0.1:8081 python -m tests.conformance.sockjs.official.ported FILE [-v] [Class.test_name]

What the suite imports of its own is replaced by `client`, and by ``unittest``.
"""

from __future__ import annotations

import re
import sys
import types
import unittest
from pathlib import Path

from tests.conformance.sockjs.official import client

MODULE = "sockjs_protocol"

CHANGES = (
    (r"\blambda\((\w+)\):", r"lambda \1:"),
    (r"\blong\b", "int"),
    (r"\bunichr\b", "chr"),
    (r"^import unittest2 as unittest$", "import unittest"),
    # A body is read as Latin-1.
    (r"recv = r\.body\.strip\(\)", "recv = r.body.encode('latin-1').decode().strip()"),
)


def load(file: Path) -> types.ModuleType:
    """The suite as a module. Raises SyntaxError for a suite that is not the one this is for."""
    source = file.read_text(encoding="utf-8")
    for pattern, words in CHANGES:
        source = re.sub(pattern, words, source, flags=re.MULTILINE)
    sys.modules["utils"] = sys.modules["websocket"] = client
    suite = types.ModuleType(MODULE)
    sys.modules[MODULE] = suite
    # Its comments have escapes that Python 3 warns of.
    exec(compile(source, str(file), "exec", dont_inherit=True), suite.__dict__)
    return suite


if __name__ == "__main__":
    unittest.main(load(Path(sys.argv[1])), argv=sys.argv[:1] + sys.argv[2:])
