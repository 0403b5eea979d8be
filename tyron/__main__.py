"""``python -m tyron`` is ``tornado_tyron``."""

import sys

from tyron.cli import main

sys.exit(main())
