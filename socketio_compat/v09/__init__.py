"""Socket.IO 0.7 to 0.9, protocol version 1. Imports nothing of any other version.

``codec`` is the door to what goes over the wire, pure: ``packet`` (one unit), ``payload`` (what one body carries), ``forms`` (the bodies of
requests and answers) and ``hub_packet`` (a message of the hub as a packet).
"""
