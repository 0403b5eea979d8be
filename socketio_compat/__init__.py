"""Socket.IO for the clients of its first years, on the hub.

``v09`` is the protocol of the clients 0.7 to 0.9. ``tornadio2`` gives it the Python API of TornadIO2, which `install_aliases` lets
programs import by its own name; ``flashpolicy`` answers the Flash players that some of those clients bring along.
"""

from socketio_compat.aliases import install_aliases

__all__ = ["install_aliases"]
