"""The bundles of the old clients in headless Chromium against a TornadIO2 program, from its own site and from another; htmlfile by an
iframe in place of Internet Explorer's document. With ``--full`` also against Socket.IO 0.9 itself."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Played
from tests.conformance.socketio.cases import BROWSER, Case
from tests.conformance.socketio.playing import REPERTOIRE

pytestmark = pytest.mark.alone

played = REPERTOIRE.played(drivers.BROWSER_DRIVER)


@REPERTOIRE.performances(BROWSER)
def test_browser_client(played: Played, case: Case, scenario: str) -> None:
    played.check(case, scenario)
