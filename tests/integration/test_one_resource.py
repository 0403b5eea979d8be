"""One port and one resource for every generation of Socket.IO before 1.0, and for curl: what one publishes, all others hear."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.support.everybody import Everybody
from tests.support.packages import needs
from tests.support.process import PATIENCE, Daemon

CONFIGURATION = {
    "port": 0,
    "address": "127.0.0.1",
    "locations": [
        {"type": "publisher", "prefix": "/publisher/"},
        {"type": "subscriber", "prefix": "/subscriber/", "create_on_get": True, "first_message": "newest"},
        {"type": "socketio", "publish": True},
        {"type": "socketio06", "publish": True},
    ],
}


@needs("curl")
def test_everybody_hears_everybody(tmp_path: Path) -> None:
    configuration = tmp_path / "hbpush.json"
    configuration.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    with Daemon("--config", configuration) as daemon:
        asyncio.run(asyncio.wait_for(converse(daemon.port), PATIENCE))


async def converse(port: int) -> None:
    async with Everybody(port) as everybody:
        await everybody.join("0.6 websocket", "0.6 xhr-polling", "0.9 websocket", "curl")
        await everybody.make_channel()
        for name, publish in everybody.mouths.items():
            await everybody.all_hear(publish, f"from {name} \U0001f600")
