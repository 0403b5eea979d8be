"""The relay's locations as a configuration sees them: what is refused, with which path and remedy, and which paths they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hbpush.core.clock import TimerWheel
from hbpush.core.counters import Counters
from hbpush.core.hub import Hub
from hbpush.core.message import ChannelRef
from hbpush.daemon.location import Location, LocationContext
from hbpush.errors import ConfigError, ProtocolError
from hbpush.relay.location import TAKERS, PublisherLocation, SubscriberLocation
from tests.support.clock import ManualClock

KINDS: list[type[Location]] = [PublisherLocation, SubscriberLocation]


def location(kind: type[Location], **options: Any) -> Location:
    clock = ManualClock()
    settings = msgspec.convert(options, kind.Settings)
    kind.check(settings)
    return kind(settings, LocationContext("locations[0]", Hub({}, clock), clock, TimerWheel(clock), Counters(clock)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({}, "url", ["missing", "prefix"]),
        ({"prefix": ""}, "url", ["missing"]),
        ({"prefix": "pub/"}, "prefix", ["'pub/'", "begin with /"]),
        ({"url": "/a/("}, "url", ["'/a/('", "regular expression"]),
        ({"url": "/a/b"}, "url", ["'/a/b'", "0 groups", "exactly one"]),
        ({"url": "/(a)/(b)"}, "url", ["2 groups", "exactly one"]),
        ({"url": "pub/(.+)"}, "url", ["'pub/(.+)'", "begin with /"]),
        ({"url": "/(a)/(b)", "prefix": "/fine/"}, "url", ["2 groups"]),
        ({"prefix": "/p/", "allow_origin": "*", "allow_credentials": True}, "allow_credentials", ["'*'"]),
        ({"prefix": "/p/", "allow_origin": "https://example.com/"}, "allow_origin", ["'https://example.com/'", "without a path"]),
    ],
)
def test_refused(kind: type[Location], options: dict[str, Any], path: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        location(kind, **options)
    assert refused.value.path == path
    for word in words:
        assert word in refused.value.message
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("options", "path", "words"),
    [
        ({"publish": True}, "publish", ["polling is long", "websocket", "auto"]),
        ({"publish": True, "polling": "eventsource"}, "publish", ["polling is eventsource"]),
        ({"multiple": True}, "multiple", ["polling is long", "eventsource"]),
        ({"multiple": True, "polling": "interval"}, "multiple", ["polling is interval"]),
        ({"multiple": True, "polling": "auto", "concurrency": "first"}, "concurrency", ["is first", "broadcast"]),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], path: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        location(SubscriberLocation, prefix="/sub/", **options)
    assert refused.value.path == path
    for word in words:
        assert word in refused.value.message


@pytest.mark.parametrize(("loopback", "publish", "warned"), [(True, True, 0), (False, True, 1), (False, False, 0)])
def test_publishing_by_anybody_is_warned_of(loopback: bool, publish: bool, warned: int) -> None:
    settings = msgspec.convert({"prefix": "/sub/", "polling": "websocket", "publish": publish}, SubscriberLocation.Settings)
    assert len(SubscriberLocation.warnings(settings, loopback)) == warned


def test_several_channels_in_a_path() -> None:
    place = location(SubscriberLocation, prefix="/sub/", polling="auto", multiple=True)
    assert isinstance(place, SubscriberLocation)
    assert [ref.id for ref in place.channel(b"a,b%2Cc,a")] == ["a", "b,c", "a"]
    assert [route.pattern.match(b"/sub/") for route in place.routes()] == [None, b""]
    with pytest.raises(ProtocolError):
        place.channel(b"a,,b")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (SubscriberLocation, {"polling": "eventually"}),
        (SubscriberLocation, {"outbox_bytes": 1000}),
        (SubscriberLocation, {"max_message": 0}),
        (SubscriberLocation, {"max_channels": 0}),
        (SubscriberLocation, {"heartbeat_interval": -1}),
        (SubscriberLocation, {"ping_timeout": 0}),
        (SubscriberLocation, {"retry": -1}),
        (SubscriberLocation, {"first_message": 0}),
        (SubscriberLocation, {"first_message": "latest"}),
        (SubscriberLocation, {"concurrency": "second"}),
        (SubscriberLocation, {"timeout_status": 204}),
        (SubscriberLocation, {"subscriber_timeout": -1}),
        (SubscriberLocation, {"create_on_post": False}),
        (PublisherLocation, {"polling": "long"}),
        (PublisherLocation, {"message_timeout": -1}),
        (PublisherLocation, {"create_on_post": "maybe"}),
    ],
)
def test_values_that_types_refuse(kind: type[Location], options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        location(kind, prefix="/p/", **options)


@pytest.mark.parametrize("polling", ["long", "interval", "eventsource", "websocket", "auto"])
def test_what_means_nothing_with_a_polling_is_refused(polling: str) -> None:
    other: dict[str, Any] = {
        "subscriber_timeout": 5, "timeout_status": 408, "quote_etag": True, "multiple": True, "max_channels": 7, "heartbeat_interval": 0,
        "ping_timeout": 7, "outbox_bytes": 2048, "retry": 0, "publish": True, "max_message": 2048,
    }  # fmt: skip
    assert other.keys() == TAKERS.keys()
    for option, value in other.items():
        options = {"prefix": "/p/", "polling": polling, option: value}
        if polling in TAKERS[option]:
            location(SubscriberLocation, **options)
            continue
        with pytest.raises(ConfigError) as error:
            location(SubscriberLocation, **options)
        assert error.value.path == option
        assert f"while polling is {polling}, with which it means nothing; only " in error.value.message
        # What is said to be as it is anyhow hurts nobody.
        default = getattr(SubscriberLocation.Settings(), option)
        location(SubscriberLocation, **{**options, option: default})


def test_every_option_has_a_default_and_a_help_line() -> None:
    for kind in KINDS:
        for field in msgspec.structs.fields(kind.Settings):
            assert not field.required, field.name
            info = msgspec.inspect.type_info(field.type)
            assert isinstance(info, msgspec.inspect.Metadata), field.name
            assert (info.extra_json_schema or {}).get("description"), field.name


def test_documented_defaults() -> None:
    assert SubscriberLocation.Settings().polling == "long"  # type: ignore[attr-defined]
    assert SubscriberLocation.Settings().concurrency == "broadcast"  # type: ignore[attr-defined]
    assert PublisherLocation.Settings().create_on_post is True  # type: ignore[attr-defined]
    for kind in KINDS:
        assert kind.Settings().store == "default"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_paths_of_a_prefix(kind: type[Location]) -> None:
    [route] = location(kind, prefix="/a.b/", store="other").routes()
    assert route.pattern.match(b"/a.b/") is None
    assert route.pattern.match(b"/axb/c") is None
    name = route.pattern.match(b"/a.b/c%2Fd/%C3%A9%FF%00%0A")
    assert name is not None
    assert route.parse(name) == ChannelRef("other", "", "c/d/é\udcff\0\n")


@pytest.mark.parametrize("kind", KINDS)
def test_url_alone_works_and_goes_before_prefix(kind: type[Location]) -> None:
    for options in ({}, {"prefix": "/other/"}):
        [route] = location(kind, url=r"/channel/(\d+)/x", **options).routes()
        name = route.pattern.match(b"/channel/42/x")
        assert name is not None
        assert route.parse(name).id == "42"
        assert route.pattern.match(b"/channel/42/xy") is None
        assert route.pattern.match(b"/other/42") is None


def test_channel_ids_out_of_bounds() -> None:
    [route] = location(PublisherLocation, url="/(.*)").routes()
    with pytest.raises(ProtocolError) as refused:
        route.parse(b"")
    assert refused.value.status_hint == 404
    assert len(route.parse(b"%61" * 1024).id) == 1024
    with pytest.raises(ProtocolError) as refused:
        route.parse(b"%61" * 1025)
    assert refused.value.status_hint == 403


def test_key_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for held in (b"", b" \n", b"two\nlines\n", b"\xff\xfe", b"k" * 5000):
        file.write_bytes(held)
        with pytest.raises(ConfigError) as refused:
            location(PublisherLocation, prefix="/p/", key_file=str(file))
        assert refused.value.path == "key_file"
        assert "two" not in refused.value.message
    for name in (str(tmp_path / "absent"), str(tmp_path), "\0"):
        with pytest.raises(ConfigError, match="cannot be read") as refused:
            location(PublisherLocation, prefix="/p/", key_file=name)
        assert refused.value.path == "key_file"
    file.write_bytes(b"s3cret\r\n")
    location(PublisherLocation, prefix="/p/", key_file=str(file))
    with pytest.raises(ConfigError, match="set one of them"):
        location(PublisherLocation, prefix="/p/", key_file=str(file), key="other")


@pytest.mark.parametrize("key", [" s3cret", "s3cret\n", "s3\0cret"])
def test_keys_that_no_header_can_carry(key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        location(PublisherLocation, prefix="/p/", key=key)
    assert refused.value.path == "key"
    assert "cret" not in refused.value.message


def test_warnings() -> None:
    def warnings(kind: type[Location], loopback: bool, **options: Any) -> list[str]:
        return kind.warnings(msgspec.convert({"prefix": "/p/", **options}, kind.Settings), loopback)

    assert len(warnings(PublisherLocation, False)) == 1
    assert warnings(PublisherLocation, True) == []
    assert warnings(PublisherLocation, False, key="s3cret") == []
    assert warnings(PublisherLocation, False, key_file="key") == []
    assert warnings(SubscriberLocation, False) == []
