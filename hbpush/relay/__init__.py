"""The HTTP push relay: publishers POST messages to a channel, subscribers GET them by long or interval polling, or as a stream.

``rules`` is the protocol, pure; ``publisher`` and ``subscriber`` are its endpoints; ``location`` is what a configuration names. Streams are
``eventsource`` and ``websocket`` on ``streaming`` (requests), ``stream`` and ``leg`` (subscriptions); ``forms``, ``positions`` and
``socket_json`` are what goes over them.
"""
