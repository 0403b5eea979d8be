"""The wire of SockJS, all its transports, under the names of sockjs-tornado (SockJS specification).

A program written for sockjs-tornado runs with `SockJSRouter` in the place of that package's. `codec` and `forms` are what goes over the
wire; `server` has the sessions and their endpoints, for any `contract.Application`; `shapes.TextShape` is what messages of the hub look
like to sessions.
"""

from sethpusher.sockjs.face import Session
from sethpusher.sockjs.info import ConnectionInfo
from sethpusher.sockjs.options import DEFAULT_SETTINGS
from sethpusher.sockjs.router import SockJSRouter

__all__ = ["DEFAULT_SETTINGS", "ConnectionInfo", "Session", "SockJSRouter"]
