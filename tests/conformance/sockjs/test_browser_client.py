"""The bundle of sockjs-client in headless Chromium, by each of its transports, against a program of sockjs-tornado, hbpushd and
sockjs-node, from pages of theirs and of another site. All of it is played with ``--full``."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Played
from tests.conformance.sockjs.cases import BROWSER, Case
from tests.conformance.sockjs.playing import REPERTOIRE

pytestmark = pytest.mark.alone

played = REPERTOIRE.played(drivers.BROWSER_DRIVER)


@REPERTOIRE.performances(BROWSER)
def test_browser_client(played: Played, case: Case, scenario: str) -> None:
    played.check(case, scenario)
