"""``python -m sethpusher`` is ``seth-pusher``."""

from sethpusher.default_server import command

command()
