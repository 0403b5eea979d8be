"""The files of ``conf/`` as tests use them: as they are, but on ports that are free here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.support.process import ROOT

CONF = ROOT / "conf"
HOST = "127.0.0.1"


def replaced(name: str, folder: Path, words: Mapping[str, str]) -> Path:
    """A copy of a file in which each of some words, which has to be there once, is another."""
    text = (CONF / name).read_text(encoding="utf-8")
    for here, there in words.items():
        assert text.count(here) == 1, f"{here!r} is {text.count(here)} times in {name}"
        text = text.replace(here, there)
    copy = folder / name
    copy.write_text(text, encoding="utf-8")
    return copy


def hbpushd_yaml(folder: Path, redis: int, **options: str) -> Path:
    """``hbpushd.yaml`` with Redis on another port, and with more options: of the server, and as ``auto`` of the subscriber location."""
    auto = options.pop("auto", "")
    words = {"port: 6379": f"port: {redis}", "    polling: auto\n": f"    polling: auto\n{auto}"}
    more = "".join(f"{name}: {value}\n" for name, value in options.items())
    return replaced("hbpushd.yaml", folder, words | {"store:\n": f"{more}store:\n"})
