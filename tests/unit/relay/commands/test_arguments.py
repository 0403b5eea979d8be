"""How servers and channels are named on the command line."""

from __future__ import annotations

import pytest

from hbpush.relay.commands import channels, publish, subscribe
from hbpush.relay.commands.arguments import Place, parser, places


def place(channel: str, *options: str) -> Place:
    made = parser("try", "")
    return places(made, made.parse_args(options), [channel], "/publisher/")[0]


@pytest.mark.parametrize(
    ("channel", "target", "names"),
    [
        ("news", "/publisher/news", ("news",)),
        ("a/b ?%", "/publisher/a%2Fb%20%3F%25", ("a/b ?%",)),
        ("a,b", "/publisher/a%2Cb", ("a,b",)),
        ("☃\udcff", "/publisher/%E2%98%83%FF", ("☃\udcff",)),
        ("http://127.0.0.1:9090/sub/a,b%2Cc", "/sub/a,b%2Cc", ("a", "b,c")),
        ("http://127.0.0.1:9090/sub/?channel=a&channel=b", "/sub/?channel=a&channel=b", ("a", "b")),
        ("http://127.0.0.1:9090/☃", "/%E2%98%83", ("☃",)),
    ],
)
def test_channels_and_urls(channel: str, target: str, names: tuple[str, ...]) -> None:
    found = place(channel)
    assert (found.target, found.channels, found.authority) == (target, names, "127.0.0.1:9090")


def test_a_server_may_be_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HBPUSH_SERVER", "http://here:1/")
    assert place("x").authority == "here:1"
    monkeypatch.setenv("HBPUSH_SERVER", "")
    assert place("x").authority == "127.0.0.1:9090"
    assert place("x", "--server", "https://push.example/behind/").authority == "push.example"
    assert place("x", "--server", "https://push.example/behind/").target == "/behind/publisher/x"
    assert place("x", "--server", "http://[::1]:81").authority == "[::1]:81"
    assert place("wss://push.example:444/x").tls is not None


def test_a_query_goes_behind_the_one_that_is_there() -> None:
    assert b"GET /sub/?channel=a&x=1 HTTP/1.1\r\nHost: h\r\n" in place("http://h/sub/?channel=a").request("GET", query="x=1")
    assert b"GET /sub/a?x=1 HTTP/1.1\r\n" in place("http://h/sub/a").request("GET", query="x=1")


@pytest.mark.parametrize(
    ("main", "arguments", "line"),
    [
        (publish.main, ["x", "y", "--server", "nowhere"], "is not a URL that begins with http:// or https://"),
        (publish.main, ["x", "y", "--server", "ftp://h"], "is not a URL that begins with http:// or https://"),
        (publish.main, ["x", "y", "--server", "http://"], "--server 'http://' names no host to connect to"),
        (publish.main, ["x", "y", "--server", "http://h:0"], "names no port to connect to"),
        (publish.main, ["x", "y", "--server", "http://h:99999"], "is not a URL: Port out of range 0-65535"),
        (publish.main, ["x", "y", "--server", "http://[h"], "is not a URL: Invalid IPv6 URL"),
        (publish.main, ["x", "y", "--server", "http://me@h"], "has a user name in it, which is not sent; see --key"),
        (publish.main, ["x", "y", "--server", "https://h", "--cafile", "/absent"], "'/absent' cannot be used: No such file or directory"),
        (publish.main, ["x", "y", "--cafile", "/absent"], "'/absent' cannot be used: No such file or directory"),
        (publish.main, ["x"], "give one message: as the argument MESSAGE, - for standard input, or --file"),
        (publish.main, ["x", "y", "--file", "z"], "give one message: as the argument MESSAGE, - for standard input, or --file"),
        (publish.main, ["x", "y", "--lines"], "--lines are lines of standard input (-) or of --file, not of an argument"),
        (publish.main, ["x", "y", "--key", "a\nb"], "the key has a control character in it, or a blank at an end"),
        (publish.main, ["x", "y", "--type", "a\r\nb: c"], "the type has a control character in it, or a blank at an end"),
        (publish.main, ["x", "y", "--timeout", "0"], "is '0'; must be a number from 0.001 to 3600"),
        (subscribe.main, [], "the following arguments are required: CHANNEL"),
        (subscribe.main, ["x", "--since", "yesterday"], "is 'yesterday'; must be oldest, newest or an id such as 1275927710:0"),
        (subscribe.main, ["x", "--count", "1.5"], "is '1.5'; must be a whole number from 1 to 1000000000000"),
        (subscribe.main, ["x", "--timeout", "nan"], "is 'nan'; must be a number from 0.001 to 1000000000"),
        (subscribe.main, ["x", "--json", "--raw"], "argument --raw: not allowed with argument --json"),
        (subscribe.main, ["x"] * 101, "101 channels are more than 100"),
        (channels.main, ["x", "--watch", "0"], "is '0'; must be a number from 0.1 to 86400"),
    ],
)
def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], main: object, arguments: list[str], line: str) -> None:
    assert callable(main)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hbpushd ")
    assert line in err
    assert err.count("\n") == 1
