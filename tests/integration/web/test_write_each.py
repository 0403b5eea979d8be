"""The same bytes to many sockets, in both forms of it: what each took is told, and one that takes nothing keeps nobody from it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from hbpush.web.write_each import COMPILED, write_each, write_each_in_python
from tests.support import speedups

WriteEach = Callable[[list[int], bytes], list[tuple[int, int]]]


@pytest.fixture(params=[write_each, write_each_in_python], ids=["chosen", "python"])
def write(request: pytest.FixtureRequest) -> WriteEach:
    form: WriteEach = request.param
    return form


@pytest.fixture
def pairs() -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    with ExitStack() as stack:
        made = [socket.socketpair() for _ in range(4)]
        for ours, peer in made:
            stack.enter_context(ours)
            stack.enter_context(peer)
            ours.setblocking(False)
            peer.setblocking(False)
        yield made


@pytest.mark.skipif(speedups.missing() is not None, reason=speedups.missing() or "")
def test_it_is_compiled_where_it_can_be() -> None:
    assert COMPILED, "prepared before there was a compiler: remove .venv/prepared, and start again"


def test_everybody_takes_all_of_it(write: WriteEach, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    assert write([ours.fileno() for ours, _ in pairs], b"wire\0\xff") == []
    assert [peer.recv(100) for _, peer in pairs] == [b"wire\0\xff"] * 4
    assert write([], b"wire") == []


def test_who_takes_less_is_told_with_how_much(write: WriteEach, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    full, partly, gone, well = pairs
    while True:
        try:
            full[0].send(bytes(65536))
        except BlockingIOError:
            break
    gone[1].close()
    wire = bytes(8 * 1024 * 1024)
    [(first, none), (second, some), (third, nothing), (fourth, negative), (fifth, _)] = write(
        [full[0].fileno(), partly[0].fileno(), gone[0].fileno(), -1, well[0].fileno()], wire
    )
    assert (first, second, third, fourth, fifth) == (0, 1, 2, 3, 4)
    assert (none, nothing, negative) == (0, 0, 0)
    assert 0 < some < len(wire)
    heard = 0
    while heard < some:
        heard += len(partly[1].recv(1 << 20))
    with pytest.raises(BlockingIOError):
        partly[1].recv(1)


def test_a_descriptor_that_is_no_more_takes_nothing(write: WriteEach, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    closed, other = pairs[0][0], pairs[1][0]
    descriptor = closed.detach()
    socket.socket(fileno=descriptor).close()
    assert write([-2, descriptor, other.fileno()], b"wire") == [(0, 0), (1, 0)]
    assert pairs[1][1].recv(100) == b"wire"


@pytest.mark.parametrize("arguments", [([], "text"), (("no list",), b""), (["no descriptor"], b""), ([2**70], b""), ([], b"", 0), ()])
def test_the_compiled_form_refuses_what_it_does_not_know(arguments: tuple[object, ...]) -> None:
    if not COMPILED:
        pytest.skip("there is none")
    with pytest.raises((TypeError, OverflowError)):
        write_each(*arguments)  # type: ignore[call-overload]
