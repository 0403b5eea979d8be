"""The bundle of client 0.6.3 in headless Chromium against a TornadIO program, from its own site and from another; htmlfile by an iframe in
place of Internet Explorer's document; and against Socket.IO 0.6 itself. All of it is played with ``--full``."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.cases import Told
from tests.conformance.driving.playing import check
from tests.conformance.socketio06 import playing
from tests.conformance.socketio06.cases import BROWSER, Case

STAGE = playing.stage(drivers.BROWSER_DRIVER)


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    drivers.need_clients(playing.LATER, "chromium")
    return STAGE.told(request, tmp_path_factory)


@pytest.mark.parametrize(("played", "case", "scenario"), playing.parameters(BROWSER), indirect=["played"])
def test_browser_client(played: Told, case: Case, scenario: str, request: pytest.FixtureRequest) -> None:
    check(played, case, scenario, case.expected(scenario, request.node.callspec.params["played"]))
