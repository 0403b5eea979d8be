"""curl in the matrix: a long poll with the ids of the one before, and a POST. A process for each."""

from __future__ import annotations

import asyncio

from tests.conformance.matrix.contract import Heard, InOrder, Subscriber, of_body
from tests.conformance.matrix.payloads import Payload
from tests.conformance.matrix.relay import MEDIA, body_of, dates_of, id_of
from tests.support.hosts import Answer, Host


class CurlPoll(Subscriber):
    """A long poll."""

    _poll: asyncio.Task[bytes] | None = None

    async def attach(self, since: str) -> None:
        self._ask(*dates_of(since))

    async def received(self) -> Heard:
        assert self._poll is not None
        head, _, body = (await self._poll).partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        answer = Answer(int(status.split()[1]), {name.lower(): value for name, value in (line.split(b": ", 1) for line in lines)}, body)
        assert answer.status == 200, answer
        self._ask(answer.headers[b"last-modified"], answer.headers[b"etag"])
        return Heard(of_body(body, answer.headers[b"content-type"].decode()), id_of(answer))

    async def close(self) -> None:
        if self._poll is not None:
            self._poll.cancel()

    def _ask(self, date: bytes, tag: bytes) -> None:
        ids = ("-H", b"If-Modified-Since: " + date, "-H", b"If-None-Match: " + tag)
        self._poll = asyncio.create_task(curl(self.place, f"/long/{self.channel}", "-i", *ids))


class CurlPost(InOrder):
    """A POST, the next one when it is answered."""

    async def attach(self) -> None:
        self._waiting: list[Payload] = []

    def send(self, payload: Payload) -> None:
        self._waiting.append(payload)

    async def answered(self, number: int) -> None:
        payload = self._waiting.pop(0)
        media = f"Content-Type: {MEDIA.get(payload.kind, 'text/plain')}"
        await curl(self.place, f"/publisher/{self.channel}", "--fail", "-H", media, "--data-binary", "@-", given=body_of(payload))


async def curl(place: Host, path: str, *options: str | bytes, given: bytes = b"") -> bytes:
    """Run it, with something on stdin; what it prints."""
    url = f"http://127.0.0.1:{place.port}{path}"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "-m", str(place.patience), *options, url, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        printed, complaint = await process.communicate(given)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaint
    return printed
