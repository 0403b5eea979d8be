"""The locations of hbpush within a Tornado Application, on Tornado's own HTTPServer and loop.

    python stock_host.py PORT KEEP

``KEEP`` messages are kept in each channel.
"""

from __future__ import annotations

import asyncio
import sys

from tornado.web import Application

from hbpush.embed import Push
from tests.bench.servers import PUBLISHER, SESSIONS


async def main(port: int, keep: int) -> None:
    """Serve until the process is ended."""
    push = Push(locations=[{"type": "publisher", "prefix": PUBLISHER}, SESSIONS], store={"type": "memory", "max_messages": keep})
    await push.start()
    Application(push.urls).listen(port, "127.0.0.1", backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
