"""The fast host: HTTP/1 on an asyncio transport, parsed by llhttp, in whatever loop Tornado runs on.

``NativeServer`` is the door. Inside, ``reader`` parses, ``connection`` keeps the order of answers and the time-outs, ``exchange``
is one request.
"""

from hbpush.web.native.server import NativeServer

__all__ = ["NativeServer"]
