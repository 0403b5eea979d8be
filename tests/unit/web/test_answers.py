"""Ready responses, the lines that all of them have, and errors as statuses."""

from __future__ import annotations

import pytest

import hbpush
from hbpush import errors
from hbpush.web import answers
from hbpush.web.answers import Head, Stamp, error_wire, fail, line, not_allowed
from tests.conftest import ExpectedLogs

SERVER = f"Server: hbpush/{hbpush.__version__}\r\n".encode()


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stamp of all answers stands at one second."""
    monkeypatch.setattr(answers, "stamp", Stamp(lambda: 784111777.9))


STAMP = SERVER + b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


def test_a_whole_response() -> None:
    head = Head(200, b"Content-Type: text/plain\r\n")
    assert head.wire(b"body") == b"HTTP/1.1 200 OK\r\n%bContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody" % STAMP
    assert head.wire() == b"HTTP/1.1 200 OK\r\n%bContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n" % STAMP


@pytest.mark.parametrize(("status", "reason"), [(204, b"No Content"), (304, b"Not Modified")])
def test_statuses_without_a_body(status: int, reason: bytes) -> None:
    assert Head(status, b"Etag: 1\r\n").wire() == b"HTTP/1.1 %d %b\r\n%bEtag: 1\r\n\r\n" % (status, reason, STAMP)


def test_a_line_says_why() -> None:
    wire = line(403, "not \u00e9 \udcff", b"X: y\r\n")
    head, _, body = wire.partition(b"\r\n\r\n")
    assert body == b"not \xc3\xa9 \\udcff\n"
    assert b"X: y\r\n" in head + b"\r\n"
    assert b"Content-Length: %d" % len(body) in head


def test_methods_that_are_not_allowed() -> None:
    assert b"\r\nAllow: GET, OPTIONS\r\n" in not_allowed(b"GET, OPTIONS").wire()


def test_the_stamp_is_made_once_a_second_and_follows_the_clock_both_ways() -> None:
    now = [100.0]
    stamp = Stamp(lambda: now[0])
    lines = stamp.lines()
    now[0] = 100.99
    assert stamp.lines() is lines
    now[0] = 101.0
    assert b"00:01:41" in stamp.lines()
    now[0] = 99.5
    assert b"00:01:39" in stamp.lines()


def test_the_server_can_be_hidden() -> None:
    stamp = Stamp(lambda: 0.0)
    assert stamp.lines().startswith(SERVER)
    stamp.name_server(False)
    assert stamp.lines() == b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (errors.ChannelNotFound("a"), 404, b""),
        (errors.ChannelExists("a"), 409, b""),
        (errors.ChannelGone("a"), 410, b""),
        (errors.MessageTooLarge("too large"), 413, b"too large\n"),
        (errors.StoreUnavailable("away"), 503, b"away\n"),
        (errors.StoreFull("full"), 503, b"full\n"),
        (errors.ProtocolError("what?"), 400, b"what?\n"),
        (errors.ProtocolError("no", 403), 403, b"no\n"),
        (errors.ProtocolError("where?", 404), 404, b""),
        (errors.HbpushError("ours"), 500, b"ours\n"),
    ],
)
def test_errors_as_statuses(error: Exception, status: int, body: bytes) -> None:
    wire = error_wire(error)
    assert wire is not None
    assert wire.startswith(b"HTTP/1.1 %d " % status)
    assert wire.partition(b"\r\n\r\n")[2] == body
    assert (b"\r\nRetry-After: 1\r\n" in wire) == (status == 503)


def test_an_error_that_nobody_knows_is_logged_and_not_shown(expected_logs: ExpectedLogs) -> None:
    class Asked:
        method = b"GET"
        target = b"/\xff"
        wires: list[bytes] = []  # noqa: RUF012 - one instance

        def respond(self, wire: bytes) -> None:
            self.wires.append(wire)

    expected_logs("GET '/\u00ff' failed")
    assert error_wire(KeyError("secret")) is None
    asked = Asked()
    fail(asked, KeyError("secret"))  # type: ignore[arg-type]
    [wire] = asked.wires
    assert wire.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in wire
