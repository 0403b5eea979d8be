"""The observed traffic of SockJS and SethPusher, read once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VECTORS: dict[str, Any] = json.loads(Path(__file__).parents[2].joinpath("vectors", "sockjs.json").read_text(encoding="ascii"))
