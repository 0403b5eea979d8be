"""The bench: the same work against this server and against others, in one run. `bin/bench` starts it.

``works`` says what is measured, ``servers`` against what; ``redis_works`` what is measured of the store in Redis. ``load/`` is the load
generator, ``limit/`` the bare send() loop, ``stock_tornado`` the server that Tornado's own manual would have one write. All are processes
that are measured from outside; nothing of the project is imported but by ``store_alone``, a store in a process of its own.
"""
