"""The bench: the same work against this server and against others, in one run. `bin/bench` starts it.

``works`` says what is measured, ``servers`` against what; ``session_works`` and ``session_servers`` say so of sessions, ``redis_works``
what is measured of the store in Redis, ``tyron_works`` of Tyron. ``load/`` is the load generator, ``limit/`` the bare send() loop,
``stock_tornado`` the server that Tornado's own manual would have one write, ``node/`` what its competitors on Node are. All are processes
that are measured from outside; of the project, ``store_alone`` imports a store and ``stock_host`` its locations, in processes of their own.
"""
