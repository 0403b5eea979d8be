"""The Node builds of the old clients against a TornadIO2 program, on both hosts; with ``--full`` also against Socket.IO 0.9 itself."""

from __future__ import annotations

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Played
from tests.conformance.socketio.cases import NODE, Case
from tests.conformance.socketio.playing import REPERTOIRE

played = REPERTOIRE.played(drivers.NODE_DRIVER)


@REPERTOIRE.performances(NODE)
def test_node_client(played: Played, case: Case, scenario: str) -> None:
    played.check(case, scenario)
