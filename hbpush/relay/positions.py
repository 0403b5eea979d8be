"""Where a subscription stands, as text and as a value (relay specification 7.2; DESIGN sections 3, 7). Pure.

On one channel that is the id of the last message, ``time:tag``. On several it is the ids of all, in the order in which the request names
the channels, with ``,`` between them and ``-`` for a channel from which nothing has come yet: ``1795230933:0,-,1795230906:2``. In what a
message brings, its own id is in brackets, ``[1795230933:0],-``, which tell its channel. A request may leave them out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

from hbpush.core.batch import Composed, Format, Parts
from hbpush.core.message import Message, MessageId
from hbpush.errors import ProtocolError

Ids = tuple[MessageId | None, ...]
"""The last id of each channel, None where there is none."""


class Form:
    """What messages look like on a stream; also the Format of a stream of one channel.

    ``parts`` makes of each message what is the same wherever a subscription stands; ``joined`` makes the bytes: of messages, their
    parts, and where a subscription of several channels stands after each of them (None for one channel).
    """

    __slots__ = ("joined", "parts")

    def __init__(self, parts: Parts, joined: Callable[[Sequence[Message], Sequence[Any], Sequence[str] | None], bytes]) -> None:
        self.parts = parts
        self.joined = joined

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return self.joined(messages, self.parts(messages), None)


NONE = "-"
CACHED_LENGTH = 128


def text(ids: Ids, newest: int = -1) -> str:
    """Ids as text; ``newest`` is the index of the one in brackets."""
    return ",".join([_text(part, index == newest) for index, part in enumerate(ids)])


def _text(id: MessageId | None, newest: bool) -> str:
    if id is None:
        return NONE
    return f"[{id}]" if newest else str(id)


def parse(value: str, channels: int) -> Ids:
    """The ids that a request has, one for each of its channels. Raises ProtocolError."""
    if channels == 1:
        return (_cached(value) if len(value) <= CACHED_LENGTH else _id(value),)
    parts = value.split(",")
    if len(parts) != channels:
        raise ProtocolError(f"last_event_id or since has {len(parts)} ids for {channels} channels")
    return tuple([None if part == NONE else _id(part) for part in parts])


def _id(value: str) -> MessageId:
    bare = value[1:-1] if value[:1] == "[" and value[-1:] == "]" else value
    try:
        return MessageId.parse(bare)
    except ValueError as error:
        raise ProtocolError(f"last_event_id or since: {error}") from None


_cached = lru_cache(1024)(_id)


class Standing:
    """Where subscriptions of several channels stand that have one wire form in common: shared by all that are at the same point.

    Made by `standing` only, so that equal ones are the same and each batch is encoded once for all of them.
    """

    __slots__ = ("__weakref__", "_formats", "form", "ids")

    def __init__(self, form: Form, ids: Ids) -> None:
        self.form = form
        self.ids = ids
        self._formats: dict[int, Format] = {}

    def format(self, index: int) -> Format:
        """The Format of messages of one channel that come next."""
        made = self._formats.get(index)
        if made is None:
            made = self._formats[index] = _Next(self.form, self.ids, index)
        return made

    def after(self, index: int, id: MessageId) -> Standing:
        """Where a subscription stands that has had messages of one channel, up to ``id``."""
        ids = self.ids
        return standing(self.form, (*ids[:index], id, *ids[index + 1 :]))


_standings: WeakValueDictionary[tuple[Form, Ids], Standing] = WeakValueDictionary()


def standing(form: Form, ids: Ids) -> Standing:
    """The one `Standing` for a wire form and ids, as long as anybody has it."""
    key = (form, ids)
    found = _standings.get(key)
    if found is None:
        found = _standings[key] = Standing(form, ids)
    return found


class _Next(Composed):
    """The Format of a `Standing` for one channel."""

    __slots__ = ("_form", "_ids", "_index", "parts")

    def __init__(self, form: Form, ids: Ids, index: int) -> None:
        self.parts = form.parts
        self._form = form
        self._ids = ids
        self._index = index

    def join(self, messages: Sequence[Message], parts: Sequence[Any]) -> bytes:
        index = self._index
        before, after = self._ids[:index], self._ids[index + 1 :]
        return self._form.joined(messages, parts, [text((*before, message.id, *after), index) for message in messages])
