"""Socket.IO 0.6. Imports nothing of any other version.

``codec`` is the door to what goes over the wire, pure: ``message`` (what a frame holds), ``stream`` (frames behind each other), ``forms``
(the bodies of requests and answers) and ``hub_message`` (a message of the hub for a client). ``contract`` is what an application is.
"""
