"""The bundle of client 0.6.3 in headless Chromium against a TornadIO program, from its own site and from another; htmlfile by an iframe in
place of Internet Explorer's document; and against Socket.IO 0.6 itself. All of it is played with ``--full``."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Played
from tests.conformance.socketio06.cases import BROWSER, Case
from tests.conformance.socketio06.playing import REPERTOIRE

pytestmark = pytest.mark.alone

played = REPERTOIRE.played(drivers.BROWSER_DRIVER)


@REPERTOIRE.performances(BROWSER)
def test_browser_client(played: Played, case: Case, scenario: str) -> None:
    played.check(case, scenario)
