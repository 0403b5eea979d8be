"""Where the REST API and the debug pages are (specification 5)."""

from __future__ import annotations

from typing import Any

from tornado.routing import URLSpec

from hbpush.web.tornado_host import EndpointSpec
from sethpusher.api.endpoints import api_routes
from sethpusher.api.views import ChannelDebugHandler, ChannelHandler, OverallDebugHandler, UserHandler

USERS = r"/api/users/(?P<user>.+?)/?"
CHANNELS = r"/api/channels/(?P<channel>.+?)/?"


def get_api_handlers(application_instance: Any) -> list[URLSpec]:
    """The url specs of an application; those of the debug pages with ``debug`` only."""
    users, channels = (api_routes(application_instance, "", place) for place in ("user", "channel"))
    specs: list[URLSpec] = [EndpointSpec(USERS, UserHandler, users), EndpointSpec(CHANNELS, ChannelHandler, channels)]
    if application_instance.debug:
        specs += [URLSpec(r"/debug/?", OverallDebugHandler), URLSpec(r"/debug/channels/(?P<channel>.+?)/?", ChannelDebugHandler)]
    return specs
