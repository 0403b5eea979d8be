"""``hbpushd`` of a build that joins nothing: a message reaches its subscribers before it is answered for, whatever else its tick brings.

It is what joining is measured against, by the time until all have a message that comes alone.
"""

from __future__ import annotations

from hbpush.core.hub import Hub
from hbpush.core.message import Message
from hbpush.daemon.cli import command

_deliver = Hub.deliver


def at_once(self: Hub, message: Message) -> None:
    """`Hub.deliver`, and no waiting for the tick."""
    _deliver(self, message)
    self.settle(message.channel)


if __name__ == "__main__":
    Hub.deliver = at_once  # type: ignore[method-assign]
    command()
