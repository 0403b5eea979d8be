"""``python -m hbpush.daemon`` is ``hbpushd``."""

from hbpush.daemon.cli import command

command()
