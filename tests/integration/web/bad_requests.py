"""Requests that are wrong, and what each host makes of them.

``native`` and ``tornado`` are statuses; None is a connection that ends without a word. Where the stock server decides otherwise than the
native one, ``reason`` says why.
"""

from __future__ import annotations

from typing import NamedTuple

from hbpush.web.limits import Limits
from tests.support.hosts import get, request

LIMITS = Limits(max_header=2048, max_body=2000)

CHUNKED = request(b"POST", b"/echo", b"Transfer-Encoding: chunked")

SMUGGLED = get(b"/echo?smuggled")


class Bad(NamedTuple):
    wire: bytes
    native: int | None
    tornado: int | None
    reason: str = ""


BLUNT = "Tornado's parser answers everything it does not like with a bare 400"
SILENT = "Tornado closes without a word when a head is larger than its bound, or what it waits for cannot come"
LENIENT = "Tornado's parser reads it, and reads it the same way as its sender"
ELSEWHERE = "no route of ours has that path, so the Application refuses it, in its own words"

BAD = {
    "request-line-too-long": Bad(get(b"/" + b"a" * 3000), 414, None, SILENT),
    "request-line-without-end": Bad(b"GET /" + b"a" * 3000, 414, None, SILENT),
    "headers-too-long": Bad(get(b"/echo", b"X: " + b"a" * 3000), 431, None, SILENT),
    "headers-without-end": Bad(get(b"/echo", b"X: " + b"a" * 3000)[:-4], 431, None, SILENT),
    "many-headers": Bad(get(b"/echo", *[b"X%d: a" % number for number in range(300)]), 431, None, SILENT),
    "body-over-the-limit": Bad(request(b"POST", b"/echo", body=bytes(2001)), 413, 413),
    "body-over-the-route's-limit": Bad(request(b"POST", b"/small", body=bytes(1001)), 413, 413),
    "chunked-body-over-the-limit": Bad(CHUNKED + b"7d1\r\n" + bytes(2001) + b"\r\n0\r\n\r\n", 413, 413),
    "length-and-encoding": Bad(request(b"POST", b"/echo", b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 400, 400),
    "encoding-and-length": Bad(request(b"POST", b"/echo", b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"0\r\n\r\n", 400, 400),
    "two-lengths": Bad(request(b"POST", b"/echo", b"Content-Length: 4", b"Content-Length: 5") + b"body!", 400, 400),
    "one-length-twice": Bad(request(b"POST", b"/echo", b"Content-Length: 4", b"Content-Length: 4") + b"body", 400, 200, LENIENT),
    "list-of-lengths": Bad(request(b"POST", b"/echo", b"Content-Length: 4, 4") + b"body", 400, 200, LENIENT),
    "negative-length": Bad(request(b"POST", b"/echo", b"Content-Length: -4") + b"body", 400, 400),
    "length-with-a-sign": Bad(request(b"POST", b"/echo", b"Content-Length: +4") + b"body", 400, 400),
    "length-in-hexadecimal": Bad(request(b"POST", b"/echo", b"Content-Length: 0x4") + b"body", 400, 400),
    "empty-length": Bad(request(b"POST", b"/echo", b"Content-Length: ") + b"body", 400, 400),
    "length-of-30-digits": Bad(request(b"POST", b"/echo", b"Content-Length: " + b"9" * 30), 400, 400),
    "length-of-1500-digits": Bad(request(b"POST", b"/echo", b"Content-Length: " + b"9" * 1500), 400, 400),
    "chunk-size-of-letters": Bad(CHUNKED + b"xyz\r\nabc\r\n0\r\n\r\n", 400, 400),
    "chunk-without-size": Bad(CHUNKED + b"\r\nabc\r\n0\r\n\r\n", 400, 400),
    "chunk-longer-than-its-size": Bad(CHUNKED + b"2\r\nabc\r\n0\r\n\r\n", 400, 400),
    "chunk-size-negative": Bad(CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n", 400, 400),
    "chunk-size-of-20-digits": Bad(CHUNKED + b"f" * 20 + b"\r\nabc", 400, 400),
    "chunk-extensions-without-end": Bad(CHUNKED + b"1;" + b"a" * 5000, 400, None, SILENT),
    "chunks-of-framing": Bad(CHUNKED + b"1;%b\r\na\r\n" % (b"x" * 900) * 6, 400, None, SILENT),
    "length-in-trailers": Bad(CHUNKED + b"1\r\na\r\n0\r\nContent-Length: 70\r\n\r\n", 400, 400),
    "bare-lf": Bad(b"GET /echo HTTP/1.1\nHost: localhost\n\n", 400, 200, LENIENT),
    "bare-lf-in-headers": Bad(b"GET /echo HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400, 200, LENIENT),
    "bare-cr-in-headers": Bad(b"GET /echo HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n", 400, 400),
    "nul-in-target": Bad(get(b"/name/\0"), 400, 400),
    "nul-in-header": Bad(get(b"/echo", b"X: a\0b"), 400, 400),
    "nul-in-header-name": Bad(get(b"/echo", b"X\0: a"), 400, 400),
    "space-in-target": Bad(get(b"/name/a b"), 400, 400),
    "folded-header": Bad(get(b"/echo", b"X: a", b" b"), 400, 400),
    "space-before-colon": Bad(request(b"POST", b"/echo", b"Content-Length : 4") + b"body", 400, 400),
    "header-without-colon": Bad(get(b"/echo", b"rubbish"), 400, 400),
    "header-without-name": Bad(get(b"/echo", b": a"), 400, 400),
    "no-host": Bad(b"GET /echo HTTP/1.1\r\n\r\n", 400, 400),
    "two-hosts": Bad(get(b"/echo", b"Host: elsewhere"), 400, 400),
    "http-0.9": Bad(b"GET /echo\r\n\r\n", 505, 400, BLUNT),
    "http-0.9-with-version": Bad(request(b"GET", b"/echo", version=b"0.9"), 505, 400, BLUNT),
    "http-1.2": Bad(request(b"GET", b"/echo", version=b"1.2"), 400, 200, "Tornado takes every HTTP/1.x for 1.1"),
    "http-2.0": Bad(request(b"GET", b"/echo", version=b"2.0"), 505, 400, BLUNT),
    "http-2-preface": Bad(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 400),
    "http-in-lower-case": Bad(b"GET /echo http/1.1\r\nHost: localhost\r\n\r\n", 400, 400),
    "tls-hello": Bad(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 501, 400, BLUNT),
    "encoding-on-1.0": Bad(
        request(b"POST", b"/echo", b"Transfer-Encoding: chunked", version=b"1.0") + b"1\r\na\r\n0\r\n\r\n", 400, 200, LENIENT
    ),
    "two-encodings": Bad(request(b"POST", b"/echo", b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n", 501, 400, BLUNT),
    "unknown-encoding": Bad(request(b"POST", b"/echo", b"Transfer-Encoding: identity") + b"0\r\n\r\n", 501, 400, BLUNT),
    "encoding-after-chunked": Bad(request(b"POST", b"/echo", b"Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n", 400, 400),
    "connect": Bad(b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n", 501, 405, ELSEWHERE),
    "connect-to-a-path": Bad(b"CONNECT /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 501, 405, ELSEWHERE),
    "fragment": Bad(get(b"/echo#top"), 400, 404, ELSEWHERE),
    "fragment-after-query": Bad(get(b"/echo?a#top"), 400, 400),
    "authority-target": Bad(get(b"localhost:80"), 400, 404, ELSEWHERE),
    "relative-target": Bad(get(b"echo"), 400, 404, ELSEWHERE),
    "brackets-in-target": Bad(get(b"http://[/echo"), 400, 404, ELSEWHERE),
    "other-scheme": Bad(get(b"ftp://localhost/echo"), 400, 404, ELSEWHERE),
    "upgrade-with-body": Bad(
        request(b"POST", b"/upgrade", b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        400, 200, "Tornado reads the body as the body, so nothing is smuggled",
    ),
    "upgrade-with-chunks": Bad(
        request(b"GET", b"/upgrade", b"Connection: Upgrade", b"Upgrade: websocket", b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        400, 200, "Tornado reads the body as the body, so nothing is smuggled",
    ),
    "unknown-method": Bad(request(b"FOO", b"/echo"), 501, 200, "every method reaches the endpoint, which may refuse it"),
    "method-in-lower-case": Bad(request(b"get", b"/echo"), 501, 200, "every method reaches the endpoint, which may refuse it"),
    "method-that-is-none": Bad(request(b"G{T", b"/echo"), 501, 400, BLUNT),
    "other-expectation": Bad(request(b"POST", b"/echo", b"Expect: 200-ok", b"Content-Length: 4"), 417, 417),
    "expects-leave-for-too-much": Bad(request(b"POST", b"/echo", b"Expect: 100-continue", b"Content-Length: 5000"), 413, 413),
    "rubbish": Bad(b"\xff\xfe\xfd\r\n\r\n", 501, 400, BLUNT),
    "empty-lines-and-rubbish": Bad(b"\r\n\r\n\r\nrubbish\r\n\r\n", 501, 400, BLUNT),
}  # fmt: skip
