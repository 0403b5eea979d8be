"""Socket.IO for the clients of its first years, on the hub.

``v06`` is the protocol of the clients 0.6, ``v09`` that of 0.7 to 0.9; neither knows of the other, and what both need stands beside
them: ``framing`` (packets with their lengths), ``channels`` (what clients may do with channels of the hub), ``origins``. ``tornadio``
gives the earlier one the Python API of TornadIO, ``tornadio2`` the later one that of TornadIO2; `install_aliases` lets programs import
them by their own names. What both APIs need is ``server``, ``handlers`` and the files named after parts of theirs; ``flashpolicy`` answers
the Flash players that some clients bring along.
"""

from socketio_compat.aliases import install_aliases

__all__ = ["install_aliases"]
