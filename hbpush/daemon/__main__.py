"""``python -m hbpush.daemon`` is ``hbpushd``."""

import sys

from hbpush.daemon.cli import main

sys.exit(main())
