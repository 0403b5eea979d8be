"""The observed traffic of Socket.IO 0.6 to 0.9, read once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads(Path(__file__).parents[2].joinpath("vectors", "socketio.json").read_text(encoding="ascii"))
SIO07: dict[str, Any] = VECTORS["sio07"]
SIO06: dict[str, Any] = VECTORS["sio06"]
