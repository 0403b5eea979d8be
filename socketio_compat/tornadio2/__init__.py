"""The Python API of TornadIO2: a program written for it runs after changing its import line.

Thin skins over ``socketio_compat.v09``, which hold the user's callbacks and translate; no timers, sets or bytes of their own.
"""
