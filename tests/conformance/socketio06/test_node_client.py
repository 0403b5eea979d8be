"""Client 0.6.3 in a Node that looks like a browser to it, against a TornadIO program on both hosts, and at the channels of hbpushd; with
``--full`` also against Socket.IO 0.6 itself."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.cases import Told
from tests.conformance.driving.playing import check
from tests.conformance.socketio06 import playing
from tests.conformance.socketio06.cases import NODE, Case

STAGE = playing.stage(drivers.NODE_DRIVER)


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    drivers.need_clients(playing.LATER)
    return STAGE.told(request, tmp_path_factory)


@pytest.mark.parametrize(("played", "case", "scenario"), playing.parameters(NODE), indirect=["played"])
def test_node_client(played: Told, case: Case, scenario: str, request: pytest.FixtureRequest) -> None:
    check(played, case, scenario, case.expected(scenario, request.node.callspec.params["played"]))
