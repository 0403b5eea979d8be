"""Event streams as a client reads them (HTML standard, section 9.2.6). Pure."""

from __future__ import annotations

from typing import NamedTuple

from hbpush.relay.commands.responses import LARGEST_MESSAGE, TooLarge


class Event(NamedTuple):
    """``id`` is the one that came with it; empty when none did, which tells what a server says from the messages it hands on.

    Bytes that are no UTF-8 are in its texts as `surrogateescape` has them.
    """

    data: str
    name: str
    id: str


class Events:
    """Feed it bytes; it returns the events that they complete. ``last_id`` is what to come back with."""

    def __init__(self) -> None:
        self.last_id = ""
        self._rest = b""
        self._data: list[str] = []
        self._size = 0
        self._name = ""
        self._id: str | None = None

    def feed(self, wire: bytes) -> list[Event]:
        """Raises TooLarge, when the events before it have been returned."""
        rest = self._rest + wire
        # A CR at the end may be half of a CRLF.
        whole = rest[:-1] if rest.endswith(b"\r") else rest
        end = max(whole.rfind(b"\n"), whole.rfind(b"\r")) + 1
        self._rest = rest[end:]
        self._size += len(wire)
        events = []
        for line in rest[:end].splitlines():
            if line:
                self._field(line.decode("utf-8", "surrogateescape"))
            else:
                event = self._event()
                if event is not None:
                    events.append(event)
        if self._size > LARGEST_MESSAGE and not events:
            raise TooLarge
        return events

    def _field(self, line: str) -> None:
        name, colon, value = line.partition(":")
        if not name and colon:
            return
        value = value.removeprefix(" ")
        match name.removeprefix("\ufeff"):
            case "data":
                self._data.append(value)
            case "event":
                self._name = value
            case "id" if "\0" not in value:
                self._id = value

    def _event(self) -> Event | None:
        data, name, given = self._data, self._name, self._id
        self._data, self._name, self._id = [], "", None
        self._size = len(self._rest)
        # Not before: who comes back with the id of an event that was cut off would never have it.
        if given is not None:
            self.last_id = given
        return Event("\n".join(data), name, given or "") if data else None
