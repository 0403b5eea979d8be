"""The HTTP push relay: publishers POST messages to a channel, subscribers GET them by long or interval polling.

``rules`` is the protocol, pure; ``publisher`` and ``subscriber`` are its endpoints; ``location`` is what a configuration names.
"""
