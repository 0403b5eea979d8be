"""sockjs-client on Node, by each of its transports, against a program of sockjs-tornado and against hbpushd; with ``--full`` on both hosts,
and against sockjs-node."""

from __future__ import annotations

import pytest

from tests.conformance.driving import drivers
from tests.conformance.driving.cases import Told
from tests.conformance.driving.playing import check
from tests.conformance.sockjs import playing
from tests.conformance.sockjs.cases import NODE, Case, expected

STAGE = playing.stage(drivers.NODE_DRIVER)


@pytest.fixture
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    drivers.need_clients(playing.HERE)
    return STAGE.told(request, tmp_path_factory)


@pytest.mark.parametrize(("played", "case", "scenario"), playing.parameters(NODE), indirect=["played"])
def test_node_client(played: Told, case: Case, scenario: str, request: pytest.FixtureRequest) -> None:
    check(played, case, scenario, expected(case, scenario, request.node.callspec.params["played"]))
