"""What messages of a channel look like on the wire: made once for all sessions that get them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hbpush.core.batch import Format, Packets
from hbpush.core.message import Message
from hbpush.web.answers import Head
from hbpush.web.carriers import chunk
from hbpush.web.websocket import frame
from sethpusher.sockjs import codec, forms
from sethpusher.sockjs.access import NO_CACHE

XHR = Head(200, b"Content-Type: application/javascript; charset=UTF-8\r\n" + NO_CACHE)
"""The answer to an xhr poll."""


def frames(messages: Sequence[str]) -> bytes:
    """Messages for a WebSocket: one frame."""
    return frame(codec.array(messages).encode(), True)


def raw_frames(messages: Sequence[str]) -> bytes:
    """Messages for a raw WebSocket: one frame each. Half a surrogate pair, which UTF-8 cannot carry, becomes a question mark."""
    return b"".join([frame(message.encode("utf-8", "replace"), True) for message in messages])


class _Format:
    """The Format that some function makes of the array frame of a batch."""

    __slots__ = ("_form", "_texts")

    def __init__(self, texts: Packets, form: Callable[[str], bytes]) -> None:
        self._texts = texts
        self._form = form

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return self._form(codec.array(self._texts(messages)))


class _Chunk(_Format):
    """The same as a chunk of a body."""

    __slots__ = ()

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return chunk(super().__call__(messages))


class _Raw:
    """The Format of raw WebSockets."""

    __slots__ = ("_texts",)

    def __init__(self, texts: Packets) -> None:
        self._texts = texts

    def __call__(self, messages: Sequence[Message]) -> bytes:
        return raw_frames(self._texts(messages))


class TextShape:
    """A `hbpush.session.transport.Shape`: messages as the texts that a pure function makes of them, in the frames of SockJS.

    Make one for each such function, once. Its Formats are those of WebSockets, raw ones, and xhr polls; ``stream`` has those of streams by
    the form of their frames: not chunked, chunked.
    """

    __slots__ = ("packets", "poll", "raw", "socket", "stream")

    def __init__(self, texts: Packets) -> None:
        self.packets = texts
        self.socket: Format = _Format(texts, lambda text: frame(text.encode(), True))
        self.raw: Format = _Raw(texts)
        self.poll: Format = _Format(texts, lambda text: XHR.wire(forms.xhr(text)))
        self.stream: dict[Callable[[str], bytes], tuple[Format, Format]] = {
            form: (_Format(texts, form), _Chunk(texts, form)) for form in (forms.xhr, forms.eventsource, forms.htmlfile)
        }


def _bodies(messages: Sequence[Message]) -> list[str]:
    return [message.body.decode("utf-8", "surrogatepass") for message in messages]


BODIES = TextShape(_bodies)
"""Bodies are texts, in UTF-8 that may carry halves of surrogate pairs."""
