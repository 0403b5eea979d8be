"""``python -m tyron`` is ``tornado_tyron``."""

from tyron.cli import command

command()
