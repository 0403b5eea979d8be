"""A Tornado application with a page of its own, and a clock that is pushed to everybody who looks at the page.

    bin/run examples/embed.py --port=8888

Then open http://127.0.0.1:8888/ or listen with ``curl http://127.0.0.1:8888/sub/clock``. What is posted to ``/say`` reaches the page, too:
``curl -d hello http://127.0.0.1:8888/say``.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time

from tornado.httpserver import HTTPServer
from tornado.ioloop import PeriodicCallback
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from hbpush.embed import Push

PAGE = """<!doctype html>
<title>A clock that is pushed</title>
<p>It is <b id="clock">...</b>. <span id="said"></span>
<script>
async function listen(channel, show) {
    const seen = {};
    for (;;) {
        try {
            const answer = await fetch("/sub/" + channel, {headers: seen, cache: "no-store"});
            if (answer.status === 200) {
                show.textContent = await answer.text();
                seen["If-Modified-Since"] = answer.headers.get("Last-Modified");
                seen["If-None-Match"] = answer.headers.get("Etag");
                continue;
            }
        } catch (away) {
            show.textContent = "...";
        }
        await new Promise(function (again) { setTimeout(again, 1000); });
    }
}
listen("clock", document.getElementById("clock"));
listen("said", document.getElementById("said"));
</script>
"""

push = Push(
    locations=[{"type": "subscriber", "prefix": "/sub/", "create_on_get": True, "first_message": 1}],
    store={"type": "memory", "max_messages": 10},
)


class Page(RequestHandler):
    def get(self) -> None:
        self.write(PAGE)


class Say(RequestHandler):
    def post(self) -> None:
        receipt = push.publish("said", self.request.body, content_type="text/plain")
        self.write(f"{receipt.subscribers} listening\n")


def tell_time() -> None:
    push.publish("clock", time.strftime("%H:%M:%S"), content_type="text/plain")


async def main(port: int) -> None:
    await push.start()
    server = HTTPServer(Application([*push.urls, ("/", Page), ("/say", Say)]))
    sockets = bind_sockets(port, "127.0.0.1")
    server.add_sockets(sockets)
    ticking = PeriodicCallback(tell_time, 1000)
    ticking.start()
    sys.stdout.write(f"http://127.0.0.1:{sockets[0].getsockname()[1]}/\n")
    sys.stdout.flush()

    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await stopping.wait()
    ticking.stop()
    server.stop()
    await push.stop()
    await server.close_all_connections()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A page with a clock that is pushed.")
    parser.add_argument("--port", type=int, default=8888)
    try:
        asyncio.run(main(parser.parse_args().port))
    except OSError as error:
        sys.exit(f"cannot listen: {error.strerror}; choose another --port")
