"""The bundle of sockjs-client in headless Chromium, by each of its transports, against a program of sockjs-tornado, hbpushd and
sockjs-node, from pages of theirs and of another site. All of it is played with ``--full``."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.cases import Told
from tests.conformance.driving.playing import check
from tests.conformance.sockjs import playing
from tests.conformance.sockjs.cases import BROWSER, Case, expected

STAGE = playing.stage(drivers.BROWSER_DRIVER)


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    drivers.need_clients(playing.HERE, "chromium")
    return STAGE.told(request, tmp_path_factory)


@pytest.mark.parametrize(("played", "case", "scenario"), playing.parameters(BROWSER), indirect=["played"])
def test_browser_client(played: Told, case: Case, scenario: str, request: pytest.FixtureRequest) -> None:
    check(played, case, scenario, expected(case, scenario, request.node.callspec.params["played"]))
