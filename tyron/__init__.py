"""Tyron: long polls that are released by what is published to a Redis pub/sub channel (relay and Tyron specification 3, 7.4).

``envelope`` is what such a payload says, pure; ``feed`` brings envelopes to channels of the hub; ``poll`` and ``places`` are the endpoints;
``location`` is what a configuration names, ``cli`` the command ``tornado_tyron``.
"""
