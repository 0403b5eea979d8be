"""The same two locations as one would write them with Tornado's manual at hand: what a framework costs without further work.

    python stock_tornado.py PORT KEEP

``KEEP`` messages are kept in each channel.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, NamedTuple

from tornado.web import Application, HTTPError, RequestHandler


class Message(NamedTuple):
    """A kept message. Its id is (second, tag)."""

    second: int
    tag: int
    body: bytes
    content_type: str


class Channel:
    """The messages of a channel, and the futures of those who wait for the next one."""

    def __init__(self, keep: int) -> None:
        self.messages: deque[Message] = deque(maxlen=keep)
        self.waiting: set[asyncio.Future[Message]] = set()
        self.requested: float | None = None

    def publish(self, body: bytes, content_type: str) -> int:
        """Keep a message and hand it to everybody who waits. Returns how many that were."""
        second, tag = int(time.time()), 0
        if self.messages and self.messages[-1].second >= second:
            second, tag = self.messages[-1].second, self.messages[-1].tag + 1
        message = Message(second, tag, body, content_type)
        self.messages.append(message)
        waiting, self.waiting = self.waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(message)
        return len(waiting)

    def after(self, second: int, tag: int) -> Message | None:
        """The oldest kept message with a greater id."""
        if not self.messages or (self.messages[-1].second, self.messages[-1].tag) <= (second, tag):
            return None
        return next(message for message in self.messages if (message.second, message.tag) > (second, tag))

    def info(self, subscribers: int) -> str:
        """The text form of a channel's information."""
        requested = -1 if self.requested is None else int(time.time() - self.requested)
        last = f"{self.messages[-1].second}:{self.messages[-1].tag}" if self.messages else "0:0"
        return (
            f"queued messages: {len(self.messages)}\r\nlast requested: {requested} sec. ago\r\n"
            f"active subscribers: {subscribers}\r\nlast message id: {last}"
        )


class ChannelHandler(RequestHandler):
    """What both locations share."""

    def initialize(self, channels: dict[str, Channel], keep: int) -> None:
        self.channels = channels
        self.keep = keep

    def channel(self, name: str) -> Channel:
        """A channel by name, made on first use."""
        if name not in self.channels:
            self.channels[name] = Channel(self.keep)
        return self.channels[name]

    def compute_etag(self) -> str | None:
        return None


class PublisherHandler(ChannelHandler):
    """``/pub/NAME``."""

    def get(self, name: str) -> None:
        if name not in self.channels:
            raise HTTPError(404)
        channel = self.channels[name]
        self.set_header("Content-Type", "text/plain")
        self.write(channel.info(len(channel.waiting)))

    def post(self, name: str) -> None:
        channel = self.channel(name)
        waiting = channel.publish(self.request.body, self.request.headers.get("Content-Type", "application/octet-stream"))
        self.set_status(201 if waiting else 202)
        self.set_header("Content-Type", "text/plain")
        self.write(channel.info(waiting))


class SubscriberHandler(ChannelHandler):
    """``/sub/NAME``: long polling."""

    waiting: asyncio.Future[Message] | None = None

    async def get(self, name: str) -> None:
        channel = self.channel(name)
        channel.requested = time.time()
        since = self.request.headers.get("If-Modified-Since")
        second = int(parsedate_to_datetime(since).timestamp()) if since else 0
        message = channel.after(second, int(self.request.headers.get("If-None-Match", "-1")))
        if message is None:
            self.waiting = asyncio.get_running_loop().create_future()
            channel.waiting.add(self.waiting)
            try:
                message = await self.waiting
            except asyncio.CancelledError:
                return
            finally:
                channel.waiting.discard(self.waiting)
        self.set_header("Last-Modified", formatdate(message.second, usegmt=True))
        self.set_header("Etag", str(message.tag))
        self.set_header("Vary", "If-None-Match, If-Modified-Since")
        self.set_header("Content-Type", message.content_type)
        self.write(message.body)

    def on_connection_close(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()


async def main(port: int, keep: int) -> None:
    """Serve until the process is ended."""
    arguments: dict[str, Any] = {"channels": {}, "keep": keep}
    application = Application([(r"/pub/(.+)", PublisherHandler, arguments), (r"/sub/(.+)", SubscriberHandler, arguments)])
    application.listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
