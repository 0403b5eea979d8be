"""sockjs-client on Node, by each of its transports, against a program of sockjs-tornado and against hbpushd; with ``--full`` on both hosts,
and against sockjs-node."""

from __future__ import annotations

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Played
from tests.conformance.sockjs.cases import NODE, Case
from tests.conformance.sockjs.playing import REPERTOIRE

played = REPERTOIRE.played(drivers.NODE_DRIVER)


@REPERTOIRE.performances(NODE)
def test_node_client(played: Played, case: Case, scenario: str) -> None:
    played.check(case, scenario)
