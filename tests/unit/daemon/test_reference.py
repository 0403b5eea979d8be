"""How the routes of a location are told."""

from __future__ import annotations

import pytest

from hbpush.daemon.reference import GATHERED, gathered


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (["/sub/", "/sub/"], ["/sub/"]),
        (["/status", "/status/json", "/status/metrics"], ["/status", "/status/{json,metrics}"]),
        (["/", "/console/page.css", "/console/main.js"], ["/", "/console/{page.css,main.js}"]),
        # The order is that in which they are tried.
        (["/s/a", "/t/b", "/s/c", "/s/a", "/s/d/"], ["/s/a", "/t/b", "/s/{c,d/}"]),
        ([r"/c/([^/]+)/xhr", r"/c/([^/]+)/jsonp"], ["/c/([^/]+)/{xhr,jsonp}"]),
        ([r"/a/(\d+)", r"/a/(.*)", "/a/x", "/a/y"], [r"/a/(\d+)", "/a/(.*)", "/a/{x,y}"]),
        (["/a/(b|c/d", "/a/(b|c/e)"], ["/a/(b|c/d", "/a/(b|c/e)"]),
        (["/a/(.*)", "", "x"], ["/a/(.*)", "", "x"]),
    ],
)
def test_each_is_told_once_and_names_in_a_folder_together(patterns: list[str], told: list[str]) -> None:
    assert gathered(patterns) == told


def test_lines_stay_short() -> None:
    names = [f"file{number}" for number in range(50)]
    told = gathered(f"/folder/{name}" for name in names)
    assert len(told) > 1
    assert max(map(len, told)) <= GATHERED + len("{}")
    assert ",".join(line.removeprefix("/folder/").strip("{}") for line in told) == ",".join(names)
