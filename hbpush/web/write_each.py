"""The same bytes to many sockets: one system call for each, and in the compiled form nothing between two of them.

`write_each` is `hbpush.web.speedups` where that was compiled (setup.py), else the same in Python; ``COMPILED`` tells which.
"""

from __future__ import annotations

import os


def write_each_in_python(descriptors: list[int], wire: bytes, /) -> list[tuple[int, int]]:
    """Write ``wire`` to each descriptor of a socket that does not block, in their order; to a negative one nothing is written.

    Returns ``(index, sent)`` for those that have not taken all of it: how many bytes, 0 where there was no room, or nobody.
    """
    unwritten = []
    size = len(wire)
    for index, descriptor in enumerate(descriptors):
        try:
            sent = os.write(descriptor, wire) if descriptor >= 0 else 0
        except OSError:
            sent = 0
        if sent != size:
            unwritten.append((index, sent))
    return unwritten


try:
    from hbpush.web.speedups import write_each as write_each
except ImportError:
    write_each = write_each_in_python

COMPILED = write_each is not write_each_in_python
