"""Socket.IO for the clients of its first years, on the hub.

``v06`` is the protocol of the clients 0.6, ``v09`` that of 0.7 to 0.9; neither knows of the other, and what both need stands beside
them: ``framing`` (packets with their lengths), ``channels`` (what clients may do with channels of the hub), ``origins``. ``tornadio2``
gives the later one the Python API of TornadIO2, which `install_aliases` lets programs import by its own name; ``flashpolicy`` answers the
Flash players that some of those clients bring along.
"""

from socketio_compat.aliases import install_aliases

__all__ = ["install_aliases"]
