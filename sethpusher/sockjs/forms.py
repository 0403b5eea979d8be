"""What a frame looks like in the body of each transport, and what bodies begin with (SockJS specification 3, 6). Pure.

Functions that scripts call have been checked: `codec.callback`.
"""

from __future__ import annotations

from hbpush.core import jsontext

XHR_PRELUDE = b"h" * 2048 + b"\n"
"""Old browsers show nothing of a response before it has this many bytes."""

EVENTSOURCE_PRELUDE = b"\r\n"

HTMLFILE_BYTES = 1025
"""What a page has before its first script, at least."""

_ESCAPES = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", "\0": "%00"})


def xhr(frame: str) -> bytes:
    return f"{frame}\n".encode()


def eventsource(frame: str) -> bytes:
    """An event. The client runs decodeURI over its data."""
    if "%" in frame:
        frame = frame.translate(_ESCAPES)
    return f"data: {frame}\r\n\r\n".encode()


def htmlfile(frame: str) -> bytes:
    """A script in a page, which nothing in a message can end."""
    return f"<script>\np({_literal(frame)});\n</script>\r\n".encode()


def jsonp(function: str, frame: str) -> bytes:
    """A script. The comment before it keeps the name of the function from being the first bytes of some other format."""
    return f"/**/{function}({_literal(frame)});\r\n".encode()


def htmlfile_head(function: str) -> bytes:
    """What a page begins with: it tells its parent that it is there, hands on what its scripts say, and tells when it is over."""
    head = f"""<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.{function};
    c.start();
    function p(d) {{c.message(d);}};
    window.onload = function() {{c.stop();}};
  </script>"""
    return head.encode().ljust(HTMLFILE_BYTES) + b"\r\n\r\n"


def iframe(script: str) -> bytes:
    """The page in a frame of another origin, in which the client's library, at the URL ``script``, runs a second time."""
    address = script.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return f"""<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="{address}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>""".encode()


def _literal(frame: str) -> str:
    return jsontext.quote(frame).replace("<", "\\u003c")
