"""The locations of hbpush within a Tornado Application, on Tornado's own HTTPServer and loop.

    python stock_host.py PORT KEEP LOCATION

``KEEP`` messages are kept in each channel; ``LOCATION`` is that of the sessions or streams, in JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tornado.web import Application

from hbpush.embed import Push
from tests.bench.servers import PUBLISHER


async def main(port: int, keep: int, location: dict[str, Any]) -> None:
    """Serve until the process is ended."""
    push = Push(locations=[{"type": "publisher", "prefix": PUBLISHER}, location], store={"type": "memory", "max_messages": keep})
    await push.start()
    Application(push.urls).listen(port, "127.0.0.1", backlog=4096)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])))
