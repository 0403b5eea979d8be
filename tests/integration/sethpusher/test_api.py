"""The REST API and the debug pages of an application, as handlers of Tornado and as endpoints (SethPusher specification 5, 6, 7)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hbpush.errors import StoreUnavailable
from sethpusher.applications import SethPusherInMemoryApplication
from sethpusher.authenticators import ApiKeyAuthenticationPolicy, BaseAuthenticationPolicy
from sethpusher.persistors import DefaultPersistencePolicy
from tests.conftest import ExpectedLogs
from tests.support.hosts import Answer
from tests.support.sethpusher import Ear, SethSite

JSON = b"application/json; charset=UTF-8"


def is_json(answer: Answer, status: int, message: str | None = None) -> bool:
    expected = f'{{"status": {status}, "message": "{message}"}}\n' if message else f'{{"status": {status}}}\n'
    assert (answer.status, answer.headers[b"content-type"], answer.body.decode()) == (status, JSON, expected)
    assert b"etag" not in answer.headers
    return True


async def test_posting_to_a_channel(site: SethSite) -> None:
    application = await site.mount(SethPusherInMemoryApplication)
    inside, outside = Ear(), Ear()
    for name, ear in (("a/b", inside), ("sport", outside)):
        application.add_subscriber(name, ear)
    for path in ("/api/channels/a/b/", "/api/channels/a/b", "/api/channels/a%2Fb/", "/api/channels/%61/b/?x=1"):
        assert is_json(await site.post(path, b'{"my": "data"}'), 200)
        await site.until(lambda: inside.texts)
        assert inside.heard() == [{"message": {"my": "data"}, "sender_id": None}]
    assert is_json(await site.post("/api/channels/never/", b"{}", "Content-Type: text/plain"), 200)
    assert outside.texts == []


async def test_posting_to_a_user(site: SethSite) -> None:
    application = await site.mount(SethPusherInMemoryApplication)
    phone, desk, other = Ear("jösé"), Ear("jösé"), Ear("bob")
    for ear in (phone, desk, other):
        application.add_subscriber("all", ear)
    assert is_json(await site.post("/api/users/j%C3%B6s%C3%A9/", b'{"my": "data", "sender_id": "bob"}'), 200)
    expected = {"message": {"my": "data", "sender_id": "bob"}, "target_id": "jösé", "sender_id": "bob"}
    await site.until(lambda: phone.texts and desk.texts)
    assert (phone.heard(), desk.heard(), other.heard()) == ([expected], [expected], [])
    assert is_json(await site.post("/api/users/nobody/", b"{}"), 200)


@pytest.mark.parametrize("place", ["channels", "users"])
async def test_what_is_refused(site: SethSite, place: str) -> None:
    kept: list[Any] = []

    class Application(SethPusherInMemoryApplication):
        def persist(self, data: Any, **kwargs: Any) -> None:
            kept.append(data)

    application = await site.mount(Application)
    ear = Ear("news")
    for channel in ("all", "news"):
        application.add_subscriber(channel, ear)
    path = f"/api/{place}/news/"
    for body in (b"", b"nope", b"{", b"\xff", b"NaN"):
        assert is_json(await site.post(path, body), 400, "Request body is not valid JSON.")
    for body in (b"[1]", b'"s"', b"5", b"null"):
        assert is_json(await site.post(path, body), 400, "Request body must be a JSON object.")
    for method in ("GET", "PUT", "DELETE"):
        answer = await site.ask(method, path)
        assert is_json(answer, 405, "Method Not Allowed")
        assert answer.headers[b"allow"] == b"POST"
    for name in ("%00", "%0A", "x" * 300, "%ff"):
        assert (await site.post(f"/api/{place}/{name}/", b"{}")).status == 400
    for other in ("/", "/api/", f"/api/{place}/", "/debug/", "/debug/channels/news/"):
        assert is_json(await site.ask("GET", other), 404, "Not Found")
    assert (kept, ear.texts) == ([], [])


async def test_debug_pages(site: SethSite) -> None:
    application = await site.mount(SethPusherInMemoryApplication, debug=True)
    application.add_subscriber("all", Ear("raw"))
    alice, nobody = Ear("alice"), Ear()
    for channel, ear in (("all", alice), ("a/b", alice), ("a/b", nobody)):
        application.add_subscriber(channel, ear)
    whole = await site.ask("GET", "/debug/")
    assert (whole.headers[b"content-type"], whole.headers[b"cache-control"]) == (JSON, b"no-store")
    page = json.loads(whole.body)
    assert page["subscribers"] == {"a/b": [None, "alice"], "all": ["alice", "raw"]}
    assert page["subscriber_count"] == 4
    assert {"connections", "sockjs"} < page.keys()
    one = json.loads((await site.ask("GET", "/debug/channels/a/b/")).body)
    assert one == {"subscriber_count": 2, "subscribers": {"a/b": [None, "alice"]}}
    none = json.loads((await site.ask("GET", "/debug/channels/none/")).body)
    assert none == {"subscriber_count": 0, "subscribers": {"none": []}}
    assert is_json(await site.post("/debug/", b"{}"), 405, "Method Not Allowed")
    assert not application.settings["autoreload"]
    assert not application.settings["serve_traceback"]


class Keyed(SethPusherInMemoryApplication):
    def get_authentication_policy(self, **kwargs: Any) -> Any:
        return ApiKeyAuthenticationPolicy()


async def test_a_key_is_asked_for_before_anything_else(site: SethSite) -> None:
    await site.mount(Keyed, debug=True)
    for path, body in (("/api/channels/news/", b"nope"), ("/api/users/bob/", b"{}")):
        for query in ("", "?api_key=", "?api_key=wrong", "?other=secret"):
            assert is_json(await site.post(path + query, body), 401, "Invalid Auth credentials provided")
    assert is_json(await site.ask("GET", "/debug/"), 401, "Invalid Auth credentials provided")
    assert is_json(await site.post("/api/channels/news/?api_key=secret", b"{}"), 200)
    assert is_json(await site.post("/api/channels/news/", b"{}", "X-Api-Key: secret"), 200)
    assert is_json(await site.post("/api/channels/news/", b"{}", "Authorization: Bearer secret"), 200)
    form = "Content-Type: application/x-www-form-urlencoded"
    assert is_json(await site.post("/api/channels/news/", b"api_key=secret", form), 400, "Request body is not valid JSON.")
    assert (await site.ask("GET", "/debug/?api_key=secret")).status == 200


async def test_a_policy_that_takes_its_time(site: SethSite) -> None:
    class Slow(BaseAuthenticationPolicy):
        async def authenticate(self, request: Any, **kwargs: Any) -> bool:
            return bool(request.headers.get("X-Who") == "me")

    class Application(SethPusherInMemoryApplication):
        def get_authentication_policy(self, **kwargs: Any) -> Any:
            return Slow()

    await site.mount(Application)
    assert is_json(await site.post("/api/channels/news/", b"{}"), 401, "Invalid Auth credentials provided")
    assert is_json(await site.post("/api/channels/news/", b"{}", "X-Who: me"), 200)


@pytest.mark.parametrize("hook", ["authenticate", "send_to_channel"])
@pytest.mark.parametrize("later", [False, True])
async def test_a_hook_that_fails(site: SethSite, hook: str, later: bool, expected_logs: ExpectedLogs) -> None:
    def fail(*args: Any) -> Any:
        raise RuntimeError("no")

    async def fail_later(*args: Any) -> Any:
        raise RuntimeError("no")

    failing = fail_later if later and hook == "authenticate" else fail
    application = type("Failing", (SethPusherInMemoryApplication,), {hook: failing})
    expected_logs("RuntimeError: no")
    await site.mount(application)
    assert is_json(await site.post("/api/channels/news/", b"{}"), 500, "Internal server error.")


class Memory(DefaultPersistencePolicy):
    """Remembers; ``fails`` says how."""

    fails = ""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def persist(self, data: Any, **kwargs: Any) -> Any:
        self.kept.append((data, kwargs))
        if self.fails == "at once":
            raise RuntimeError("the disk is full")
        return self.later() if self.fails else None

    async def later(self) -> None:
        if self.fails == "later":
            raise StoreUnavailable("no store")


class Persisting(SethPusherInMemoryApplication):
    def get_persistence_policy(self, **kwargs: Any) -> Any:
        policy = Memory()
        policy.fails = kwargs["fails"]
        return policy


async def test_each_message_is_persisted_once_before_it_is_delivered(site: SethSite) -> None:
    application = await site.mount(Persisting, fails="not")
    ear = Ear("bob")
    application.add_subscriber("all", ear)
    assert is_json(await site.post("/api/channels/all/", b'{"a": 1}'), 200)
    assert is_json(await site.post("/api/users/bob/", b'{"b": 2}'), 200)
    assert application.persistence_policy.kept == [({"a": 1}, {"channel": "all"}), ({"b": 2}, {"user": "bob"})]
    await site.until(lambda: len(ear.texts) == 2)


@pytest.mark.parametrize("fails", ["at once", "later"])
@pytest.mark.parametrize("strict", [False, True])
async def test_a_failure_to_persist(site: SethSite, fails: str, strict: bool, expected_logs: ExpectedLogs) -> None:
    expected_logs("a message for channel 'all' was not persisted")
    application = await site.mount(Persisting, fails=fails, persist_strict=strict)
    ear = Ear()
    application.add_subscriber("all", ear)
    answer = await site.post("/api/channels/all/", b'{"a": 1}')
    if strict:
        assert is_json(answer, 502, "The message could not be persisted.")
        assert ear.texts == []
    else:
        assert is_json(answer, 200)
        await site.until(lambda: ear.texts)


async def test_how_many_got_it(site: SethSite) -> None:
    application = await site.mount(SethPusherInMemoryApplication, report_delivered=True)
    for user in ("bob", "bob", "alice"):
        application.add_subscriber("all", Ear(user))
    for path, number in (("channels/all", 3), ("users/bob", 2), ("users/nobody", 0), ("channels/never", 0)):
        answer = await site.post(f"/api/{path}/", b"{}")
        assert json.loads(answer.body) == {"status": 200, "delivered": number}


async def test_a_body_that_is_too_large(site: SethSite) -> None:
    await site.mount(SethPusherInMemoryApplication)
    line = f"Content-Length: {200 * 1024 * 1024}"
    client = await site.host.connect()
    await client.send(f"POST /api/channels/news/ HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n".encode())
    assert (await client.answer()).status in (400, 413)


async def test_other_protocols_publish_and_read(site: SethSite) -> None:
    """What is posted is a message of the hub."""
    from hbpush.core.message import OLDEST, ChannelRef

    application = await site.mount(SethPusherInMemoryApplication)
    application.add_subscriber("news", Ear())
    await site.post("/api/channels/news/", b'{"a":  1.00}')
    [message] = application.ground.store.read_after(ChannelRef("default", "", "news"), OLDEST, 9).messages
    assert (message.body, message.content_type) == (b'{"a":  1.00}', b"application/json")
