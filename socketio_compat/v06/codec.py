"""The wire of Socket.IO 0.6 under one name: messages, streams of frames, and the forms of bodies. Pure."""

from socketio_compat.v06.forms import HTMLFILE_PREAMBLE, MULTIPART_PREAMBLE, htmlfile_chunk, jsonp_body, part, posted
from socketio_compat.v06.hub_message import hub_bodies, hub_body
from socketio_compat.v06.message import FRAME, HEARTBEAT, JSON, Heard, bodies, heartbeat, json, read
from socketio_compat.v06.stream import decode_stream, encode_stream

__all__ = [
    "FRAME",
    "HEARTBEAT",
    "HTMLFILE_PREAMBLE",
    "JSON",
    "MULTIPART_PREAMBLE",
    "Heard",
    "bodies",
    "decode_stream",
    "encode_stream",
    "heartbeat",
    "htmlfile_chunk",
    "hub_bodies",
    "hub_body",
    "json",
    "jsonp_body",
    "part",
    "posted",
    "read",
]
