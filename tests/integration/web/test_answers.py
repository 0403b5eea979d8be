"""Requests that are as they should be, on every host: framing, connections, order, streams."""

from __future__ import annotations

import asyncio

import pytest

from hbpush.web.exchange import Exchange
from hbpush.web.routes import Exact, Route
from tests.conftest import ExpectedLogs
from tests.integration.web.conftest import natives, stock
from tests.support.hosts import Host, Places, get, request


async def test_a_request_is_answered_and_the_connection_goes_on(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    for _ in range(3):
        answer = await client.ask(request(b"POST", b"/echo?a=b", body=b"the body"))
        assert (answer.status, answer.body) == (200, b"POST /echo?a=b the body")
        assert answer.headers[b"content-type"] == b"text/plain"
        assert b"connection" not in answer.headers
        assert answer.headers[b"server"].startswith(b"hbpush/")
        assert answer.headers[b"date"].endswith(b" GMT")


async def test_head_has_the_length_and_no_body(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    answer = await client.ask(request(b"HEAD", b"/echo"), head=True)
    assert answer.headers[b"content-length"] == b"11"
    assert (await client.ask(get(b"/echo"))).body == b"GET /echo "


async def test_head_of_a_stream_is_its_head(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    answer = await client.ask(request(b"HEAD", b"/stream"), head=True)
    assert answer.status == 200
    assert not places.writers
    assert (await client.ask(get(b"/echo"))).status == 200


async def test_not_modified_has_neither_body_nor_length(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    answer = await client.ask(get(b"/none"))
    assert (answer.status, answer.headers[b"etag"]) == (304, b'"1"')
    assert b"content-length" not in answer.headers
    assert (await client.ask(get(b"/echo"))).status == 200


async def test_extra_lines_and_only_one_answer(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    answer = await client.ask(get(b"/extra"))
    assert (answer.headers[b"x-extra"], answer.body) == (b"1", b"extra")
    assert (await client.ask(get(b"/echo"))).body == b"GET /echo "


async def test_an_endpoint_may_ask_for_the_end(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    answer = await client.ask(get(b"/last"))
    assert (answer.headers[b"connection"], answer.body) == (b"close", b"last")
    assert await client.is_over()


async def test_a_client_may_ask_for_the_end(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    answer = await client.ask(get(b"/echo", b"Connection: close") + get(b"/echo"))
    assert (answer.headers[b"connection"], answer.body) == (b"close", b"GET /echo ")
    assert await client.is_over()


async def test_http10_ends_with_the_answer(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    answer = await client.ask(b"GET /echo HTTP/1.0\r\n\r\n")
    assert answer.body == b"GET /echo "
    assert await client.is_over()


async def test_http10_goes_on_when_it_asks_for_that(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    for _ in range(2):
        answer = await client.ask(b"GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert answer.headers[b"connection"].lower() == b"keep-alive"
        assert answer.body == b"GET /echo "


async def test_expectation_of_leave_to_send(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    await client.send(request(b"POST", b"/echo", b"Expect: 100-continue", b"Content-Length: 4"))
    status, _ = await client.head()
    assert status == 100
    assert (await client.ask(b"body")).body == b"POST /echo body"


async def test_a_chunked_body(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    chunked = request(b"POST", b"/echo", b"Transfer-Encoding: chunked")
    assert (await client.ask(chunked + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")).body == b"POST /echo abcde"
    assert (await client.ask(get(b"/echo"))).body == b"GET /echo "


@pytest.mark.parametrize("path", [b"/name/%2F%00%ff", b"/name/a%20b+c", b"/name/%zz", b"/name/%e9/%C3%A9"])
async def test_paths_reach_the_route_as_they_came(host: Host, path: bytes) -> None:
    await host.serve_places()
    assert (await host.ask(get(path + b"?q"))).body == path.removeprefix(b"/name/")


async def test_bytes_that_a_path_should_have_encoded(host: Host) -> None:
    await host.serve_places()
    answer = await host.ask(get(b"/name/\xff\xc3"))
    # Both mean the same; the native host says it in the way of RFC 3986.
    assert (answer.status, answer.body) == (200, b"\xff\xc3" if host.kind.tornado else b"%FF%C3")


async def test_a_body_of_multipart_garbage_is_a_body(host: Host) -> None:
    await host.serve_places()
    answer = await host.ask(request(b"POST", b"/echo", b"Content-Type: multipart/form-data; boundary=x", body=b"--x\r\nrubbish"))
    assert (answer.status, answer.body) == (200, b"POST /echo --x\r\nrubbish")


async def test_an_absolute_target_is_its_path(host: Host) -> None:
    await host.serve_places()
    assert (await host.ask(get(b"http://localhost/echo?x"))).body == b"GET /echo?x "


async def test_pipelined_requests_in_order(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    await client.send(b"".join(request(b"POST", b"/echo?%d" % number, body=b"b%d" % number) for number in range(100)))
    for number in range(100):
        assert (await client.answer()).body == b"POST /echo?%d b%d" % (number, number)


async def test_byte_by_byte(host: Host) -> None:
    await host.serve_places()
    client = await host.connect()
    for byte in request(b"POST", b"/echo", b"X: y", body=b"abc") + get(b"/echo"):
        await client.send(bytes([byte]))
    assert (await client.answer()).body == b"POST /echo abc"
    assert (await client.answer()).body == b"GET /echo "


async def test_a_request_that_comes_between_two_turns_is_not_the_next(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/hold") + get(b"/echo?1") + get(b"/echo?2"))
    await places.until(lambda: places.held)
    # It is there when the answer has been written, and the turn of those that wait has not come yet.
    client.writer.write(get(b"/echo?3"))
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await client.answer()).status == 204
    assert [(await client.answer()).body for _ in range(3)] == [b"GET /echo?%d " % number for number in (1, 2, 3)]


async def test_requests_behind_a_held_one_wait(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/hold") + get(b"/echo?1") + get(b"/hold") + get(b"/echo?2"))
    await places.until(lambda: places.held)
    assert places.seen == 0
    places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await client.answer()).status == 204
    assert (await client.answer()).body == b"GET /echo?1 "
    await places.until(lambda: len(places.held) == 2)
    assert places.seen == 1
    places.held[1].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (await client.answer()).status == 204
    assert (await client.answer()).body == b"GET /echo?2 "


async def test_a_held_request_has_neither_headers_nor_body(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(request(b"POST", b"/hold", body=b"body"))
    await places.until(lambda: places.held)
    assert (places.held[0].headers, places.held[0].body, places.held[0].header(b"host")) == ((), b"", None)


@pytest.mark.parametrize("path", [b"/hold", b"/stream"])
async def test_a_client_that_leaves_is_noticed(host: Host, path: bytes) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(path))
    await places.until(lambda: places.held or places.writers)
    client.leave()
    await places.until(lambda: places.gone)
    for writer in places.writers:
        for _ in range(10):
            writer.write(b"into the void")
        writer.end()
    for exchange in places.held:
        exchange.respond(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert not exchange.hold(lambda: None)
    assert places.gone == 1


@stock
async def test_a_connection_that_ends_within_the_call(host: Host) -> None:
    places = Places()

    def cut(exchange: Exchange) -> None:
        places.hold(exchange)
        # As a write does that finds the peer gone.
        exchange._connection.stream.close()  # type: ignore[attr-defined]

    await host.serve([Route(Exact("/cut"), cut, bytes), *places.routes()])
    client = await host.connect()
    await client.send(get(b"/cut"))
    await places.until(lambda: places.gone)
    await host.others_are_served()
    assert places.gone == 1


async def test_a_client_that_leaves_while_others_wait_behind(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/hold") + get(b"/echo"))
    await places.until(lambda: places.held)
    client.leave()
    if host.kind.tornado:
        # A stream of Tornado's does not look at its socket while bytes that were read wait: the end shows when something is written.
        places.held[0].respond(b"HTTP/1.1 204 No Content\r\n\r\n")
        return
    await places.until(lambda: places.gone)
    assert places.seen == 0


async def test_an_endpoint_that_answers_in_its_own_time(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/later"))
    await places.until(lambda: places.gate)
    assert places.gate is not None
    places.gate.set_result(b"now")
    assert (await client.answer()).body == b"now"


@pytest.mark.parametrize("path", [b"/boom", b"/late-boom"])
async def test_an_endpoint_that_fails_is_a_500_and_one_log_record(host: Host, path: bytes, expected_logs: ExpectedLogs) -> None:
    expected_logs(f"GET '{path.decode()}' failed")
    await host.serve_places()
    client = await host.connect()
    answer = await client.ask(get(path))
    assert (answer.status, answer.body) == (500, b"internal error\n")
    assert (await client.ask(get(b"/echo"))).status == 200
    assert len(expected_logs.texts()) == 1


@natives
async def test_a_failure_before_there_is_an_exchange_is_a_500_too(host: Host, expected_logs: ExpectedLogs) -> None:
    def parse(_: bytes) -> None:
        raise KeyError("boom")

    expected_logs("a request could not be taken\n(.*\n)*.*KeyError: 'boom'")
    places = Places()
    await host.serve([Route(Exact("/bad"), places.echo, parse), *places.routes()])
    client = await host.connect()
    answer = await client.ask(get(b"/bad"))
    assert (answer.status, answer.body) == (500, b"internal error\n")
    await host.others_are_served()


async def test_a_failure_after_the_answer_began_adds_nothing_to_it(host: Host, expected_logs: ExpectedLogs) -> None:
    expected_logs("failed")
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/stream-boom"))
    await places.until(lambda: places.writers)
    places.writers[0].write(b"1\r\na\r\n")
    places.writers[0].end()
    assert (await client.answer()).body == b"a"
    assert (await client.ask(get(b"/echo"))).status == 200


async def test_a_stream_is_chunked(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/stream"))
    status, headers = await client.head()
    assert (status, headers[b"transfer-encoding"]) == (200, b"chunked")
    [writer] = places.writers
    assert writer.chunked
    for text in (b"one", b"two"):
        writer.write(b"3\r\n%b\r\n" % text)
        assert await client.chunk() == text
    writer.end(b"1\r\n.\r\n")
    assert [await client.chunk(), await client.chunk()] == [b".", b""]
    writer.write(b"too late")
    assert (await client.ask(get(b"/echo"))).status == 200
    assert places.gone == 0


@pytest.mark.parametrize("connection", [b"close", b"keep-alive"])
async def test_a_stream_of_http10_ends_with_the_connection(host: Host, connection: bytes) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(b"GET /stream HTTP/1.0\r\nConnection: %b\r\n\r\n" % connection)
    _, headers = await client.head()
    assert (headers.get(b"transfer-encoding"), headers[b"connection"]) == (None, b"close")
    [writer] = places.writers
    assert not writer.chunked
    writer.write(b"raw")
    writer.end(b" end")
    assert await client.rest() == b"raw end"


async def test_requests_behind_a_stream_wait(host: Host) -> None:
    places = await host.serve_places()
    client = await host.connect()
    await client.send(get(b"/stream") + get(b"/echo"))
    await places.until(lambda: places.writers)
    places.writers[0].end()
    assert (await client.answer()).body == b""
    assert (await client.answer()).body == b"GET /echo "


async def test_a_reader_that_falls_behind_is_cut(host: Host) -> None:
    places = await host.serve_places()
    places.outbox = 256 * 1024
    client = await host.connect(buffer=1024)
    await client.send(get(b"/stream"))
    await places.until(lambda: places.writers)
    [writer] = places.writers
    piece = b"%x\r\n%b\r\n" % (65536, bytes(65536))
    written = 0
    while not places.gone:
        writer.write(piece)
        written += 1
        assert written < 1000, "the outbox has no bound"
        if not writer.has_room() and host.counters.counts["slow"]:
            await places.until(lambda: places.gone)
        await _turn()
    assert host.counters.counts["slow"] == 1
    assert places.gone == 1


async def test_a_stream_tells_when_there_is_room_again(host: Host) -> None:
    places = await host.serve_places()
    places.outbox = 8 * 1024 * 1024
    client = await host.connect(buffer=1024)
    await client.send(get(b"/stream"))
    await places.until(lambda: places.writers)
    [writer] = places.writers
    pieces = 0
    while writer.has_room():
        writer.write(b"10000\r\n%b\r\n" % bytes(65536))
        pieces += 1
        await _turn()
    # The system may have taken everything before, more than once.
    drained = places.drained
    await client.head()
    for _ in range(pieces):
        assert len(await client.chunk()) == 65536
    await places.until(lambda: places.drained > drained)
    assert writer.has_room()
    writer.end()
    assert await client.chunk() == b""


async def test_the_client_behind_a_trusted_proxy(host: Host) -> None:
    await host.serve_places(proxies=["127.0.0.0/8"])
    answer = await host.ask(get(b"/who", b"X-Forwarded-For: 10.1.1.1, 192.0.2.7, 127.0.0.9", b"X-Forwarded-Proto: https"))
    assert answer.body == b"192.0.2.7 https"


async def test_forwarded_headers_of_anybody_else_count_for_nothing(host: Host) -> None:
    await host.serve_places()
    answer = await host.ask(get(b"/who", b"X-Forwarded-For: 192.0.2.7", b"X-Forwarded-Proto: https"))
    assert answer.body == (b"127.0.0.1 https" if host.kind.tls else b"127.0.0.1 http")


async def _turn() -> None:
    """One turn of the loop, in which sockets are looked at."""
    await asyncio.sleep(0)
