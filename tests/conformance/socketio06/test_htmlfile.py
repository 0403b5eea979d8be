"""htmlfile of Socket.IO 0.6 in a browser: the scripts that come are run, whatever is in them (0.6 specification 4.5)."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from socketio_compat.v06 import codec
from tests.conformance.driving.drivers import NODE, need_clients
from tests.support.process import Daemon

HERE = Path(__file__).parent
CLIENTS = HERE.parent / "socketio"
"""Where the browser's driver is installed."""

CONFIGURATION = {"port": 0, "address": "127.0.0.1", "locations": [{"type": "socketio06", "publish": True}]}
TEXT = "a</script><!-- \"'\\ \u2028\n\u0436 \U0001f600 lone \ud83d end"
TIMEOUT = 60.0


@pytest.mark.alone
def test_iframe(tmp_path: Path) -> None:
    need_clients(CLIENTS, "chromium")
    config = tmp_path / "hbpushd.json"
    config.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    subscribe = codec.json({"type": "subscribe", "channel": TEXT[:10]})
    publish = codec.json({"type": "publish", "channel": TEXT[:10], "data": {"text": TEXT}})
    says = [codec.encode_stream(bodies).decode() for bodies in ([subscribe], [publish], [codec.json({"type": TEXT})])]
    with Daemon("--config", config) as daemon:
        order = {
            "executable": shutil.which("chromium"),
            "clients": str(CLIENTS / ".clients"),
            "origin": f"http://127.0.0.1:{daemon.port}",
            "says": says,
        }
        driven = subprocess.run(
            [*NODE, HERE / "htmlfile.js"], input=json.dumps(order), capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    assert driven.returncode == 0, driven.stderr
    heard = [codec.decode_stream(text) for text in json.loads(driven.stdout)]
    assert [fault for _, fault in heard] == [None] * 4
    [sid], *answers = [bodies for bodies, _ in heard]
    assert len(sid) == 32
    values = [[codec.read(body).value for body in bodies] for bodies in answers]
    assert [[value["type"] for value in group] for group in values] == [["subscribed"], ["published", "message"], ["error"]]
    assert values[0][0]["channel"] == TEXT[:10]
    assert values[1][1]["data"] == {"text": TEXT}
    assert values[2][0]["request"] == TEXT
