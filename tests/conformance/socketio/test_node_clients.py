"""The Node builds of the old clients against a TornadIO2 program, on both hosts; with ``--full`` also against Socket.IO 0.9 itself."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.cases import Told
from tests.conformance.driving.playing import check
from tests.conformance.socketio import playing
from tests.conformance.socketio.cases import NODE, Case, expected

STAGE = playing.stage(drivers.NODE_DRIVER)


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    drivers.need_clients(playing.HERE)
    return STAGE.told(request, tmp_path_factory)


@pytest.mark.parametrize(("played", "case", "scenario"), playing.parameters(NODE), indirect=["played"])
def test_node_client(played: Told, case: Case, scenario: str, request: pytest.FixtureRequest) -> None:
    check(played, case, scenario, expected(case, scenario, request.node.callspec.params["played"]))
