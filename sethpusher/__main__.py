"""``python -m sethpusher`` is ``seth-pusher``."""

import sys

from sethpusher.default_server import main

sys.exit(main())
