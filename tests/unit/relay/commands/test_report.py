"""What a bench says, and what makes it fail."""

from __future__ import annotations

import json

import pytest

from hbpush.relay.commands.endings import DONE, MISSING, REFUSED
from hbpush.relay.commands.histogram import Histogram
from hbpush.relay.commands.report import Result, as_json, as_text, status_of


def result(**changes: object) -> Result:
    latency = Histogram()
    latency.add(1000, 3)
    latency.add(3000)
    figures: dict[str, object] = {
        "kind": "websocket",
        "subscribers": 1000,
        "in_flight": 2,
        "rate": 0.0,
        "size": 100,
        "publishing_seconds": 2.0,
        "seconds": 4.0,
        "processor": 0.5,
        "published": 4000,
        "refused": 0,
        "refusal": "",
        "unsent": 0,
        "delivered": 4_000_000,
        "lost": 0,
        "dropped": 0,
        "doubled": 0,
        "disordered": 0,
        "latency": latency,
        "lateness": Histogram(),
    }
    return Result(**(figures | changes))  # type: ignore[arg-type]


def test_for_a_person() -> None:
    assert as_text(result()) == (
        "1,000 subscribers by websocket, 2 in flight, 100 bytes, 2.0 seconds\n"
        "published  4,000 (2,000 a second)\n"
        "delivered  4,000,000 (1,000,000 a second), lost 0, doubled 0, out of order 0\n"
        "latency    p50 1.01 us  p90 3 us  p99 3 us  p99.9 3 us  max 3 us\n"
        "           from when a message was sent until a subscriber read it (monotonic clock)\n"
        "  512 ns -  1.02 us  ████████████████████████████████████████  75.00 %\n"
        " 1.02 us -  2.05 us                                             0.00 %\n"
        " 2.05 us -   4.1 us  █████████████▍                            25.00 %\n"
        "this process took 50 % of a core\n"
    )


def test_what_went_wrong_and_what_may_have() -> None:
    text = as_text(result(rate=100.0, dropped=1234, unsent=7, refused=2, refusal="503 away", processor=0.97))
    assert "1,000 subscribers by websocket, 100 messages a second, " in text
    assert "from when a message was due until" in text
    assert "\ndropped    1,234 deliveries by the channel's bounds, as the server says\n" in text
    assert "\nrefused    2 messages, the first with: 503 away\n" in text
    assert "\nschedule   messages left late by  p50 0 ns  p99 0 ns\n" in text
    assert "\nschedule   7 messages were due and could not leave: all publishers waited for answers\n" in text
    assert text.endswith("this process took 97 % of a core: it may have measured itself; use less, or several at once\n")


def test_for_a_program() -> None:
    told = json.loads(as_json(result(refusal="")))
    assert told["latency"] == {"p50": 1.007e-06, "p90": 3e-06, "p99": 3e-06, "p99.9": 3e-06, "max": 3e-06}
    assert told["histogram"] == [[5.12e-07, 1.024e-06, 3], [1.024e-06, 2.048e-06, 0], [2.048e-06, 4.096e-06, 1]]
    assert (told["publish_rate"], told["delivery_rate"]) == (2000, 1_000_000)
    assert not {"lateness", "refusal"} & told.keys()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, DONE),
        ({"dropped": 1}, DONE),
        ({"lost": 1}, MISSING),
        ({"doubled": 1}, MISSING),
        ({"disordered": 1}, MISSING),
        ({"refused": 1}, REFUSED),
        ({"published": 0}, REFUSED),
    ],
)
def test_the_status(changes: dict[str, object], status: int) -> None:
    assert status_of(result(**changes)) == status
