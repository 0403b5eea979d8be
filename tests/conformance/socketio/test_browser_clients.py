"""The bundles of the old clients in headless Chromium against a TornadIO2 program, from its own site and from another; htmlfile by an
iframe in place of Internet Explorer's document. With ``--full`` also against Socket.IO 0.9 itself."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.cases import Told
from tests.conformance.driving.playing import check
from tests.conformance.socketio import playing
from tests.conformance.socketio.cases import BROWSER, Case, expected

STAGE = playing.stage(drivers.BROWSER_DRIVER)


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    drivers.need_clients(playing.HERE, "chromium")
    return STAGE.told(request, tmp_path_factory)


@pytest.mark.parametrize(("played", "case", "scenario"), playing.parameters(BROWSER), indirect=["played"])
def test_browser_client(played: Told, case: Case, scenario: str, request: pytest.FixtureRequest) -> None:
    check(played, case, scenario, expected(case, scenario, request.node.callspec.params["played"]))
