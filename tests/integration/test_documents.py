"""README and CHANGES are what readers of reStructuredText take, to the last table and reference."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from docutils.core import publish_string

ROOT = Path(__file__).resolve().parents[2]
WARNING, NEVER = 2, 5
"""Levels of docutils: what is reported, and what ends it."""
CONFLICT = re.compile(r"^(?:<{7}|\|{7}|>{7})(?: |$)|(?<!^.{7}\n)^={7}$", re.MULTILINE)
"""What a merge leaves where it was not finished. Seven = below a title of seven characters underline it."""


def complaints(text: str) -> str:
    """What there is to say against a document; empty for nothing."""
    said = io.StringIO()
    settings = {
        "report_level": WARNING,
        "halt_level": NEVER,
        "warning_stream": said,
        # What colours code blocks knows some of their languages, or is not installed.
        "syntax_highlight": "none",
        "file_insertion_enabled": False,
        "_disable_config": True,
    }
    publish_string(text, writer="pseudoxml", settings_overrides=settings)
    left = [f"line {text.count(chr(10), 0, found.start()) + 1}: {found[0]}" for found in CONFLICT.finditer(text)]
    return "\n".join([said.getvalue(), *left]).strip()


@pytest.mark.parametrize("name", ["README.rst", "CHANGES.rst"])
def test_documents_can_be_read(name: str) -> None:
    assert complaints((ROOT / name).read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("====  ====\none   two\n\nBehind\n------\n\nA section.\n", "Malformed table"),
        ("A title\n----\n\nA section.\n", "Title underline too short"),
        ("As `a section`_ has it.\n", "Unknown target name"),
        ("As ``code has it.\n", "Inline literal start-string without end-string"),
        ("- An item\nthat was not indented\n", "Bullet list ends without a blank line"),
        ("One side\n\n=======\nThe other\n---------\n\nSide.\n", "line 3: ======="),
        ("One side\n=======\nthe other\n", "line 2: ======="),
        ("::\n\n    a block\n\n<<<<<<< here\n", "line 5: <<<<<<<"),
        ("Text.\n\n>>>>>>> there\n", "line 3: >>>>>>>"),
    ],
)
def test_spoiled_documents_are_noticed(text: str, said: str) -> None:
    assert said in complaints(text)


def test_what_is_no_conflict_is_borne() -> None:
    assert complaints("Changes\n=======\n\nText.\n\nLonger title\n============\n\nText.\n") == ""
