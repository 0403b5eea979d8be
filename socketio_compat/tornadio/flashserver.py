"""TornadIO's server of the Flash policy file (TornadIO API, A4): that of `socketio_compat.flashpolicy`."""

from socketio_compat.flashpolicy import FlashPolicyServer

__all__ = ["FlashPolicyServer"]
