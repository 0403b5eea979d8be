"""Client 0.6.3 in a Node that looks like a browser to it, against a TornadIO program on both hosts, and at the channels of hbpushd; with
``--full`` also against Socket.IO 0.6 itself."""

from __future__ import annotations

from tests.conformance.driving import drivers
from tests.conformance.driving.playing import Played
from tests.conformance.socketio06.cases import NODE, Case
from tests.conformance.socketio06.playing import REPERTOIRE

played = REPERTOIRE.played(drivers.NODE_DRIVER)


@REPERTOIRE.performances(NODE)
def test_node_client(played: Played, case: Case, scenario: str) -> None:
    played.check(case, scenario)
