"""An application of one's own: a key for the REST API, and something done with every message.

    bin/run examples/sethpusher/my_app.py --logging=debug

Then, from elsewhere, with the key and without it:

    curl 'http://localhost:6666/debug/?batman=bruce_wayne'
    curl 'http://localhost:6666/debug/'
"""

from __future__ import annotations

from typing import Any

from tornado.options import options, parse_command_line

from sethpusher.applications import SethPusherInMemoryApplication
from sethpusher.authenticators import ApiKeyAuthenticationPolicy
from sethpusher.default_server import AppRunner
from sethpusher.persistors import ExternalApiPersistencePolicy

PORT = 6666


class MyPersistence(ExternalApiPersistencePolicy):
    api_url = "http://www.my_super_api.com"

    def persist(self, data: dict[str, Any], **kwargs: Any) -> None:
        print(data)  # noqa: T201
        print(kwargs)  # noqa: T201
        print("KABOOM !", flush=True)  # noqa: T201


class MyAuth(ApiKeyAuthenticationPolicy):
    key_name = "batman"
    key_secret_value = "bruce_wayne"  # noqa: S105


class MyVeryOwnApp(SethPusherInMemoryApplication):
    def get_authentication_policy(self, **kwargs: Any) -> MyAuth:
        return MyAuth()

    def get_persistence_policy(self, **kwargs: Any) -> MyPersistence:
        return MyPersistence()


if __name__ == "__main__":
    # sethpusher's options are there as well; a port of its own is only the default.
    options.port = PORT
    parse_command_line()
    runner = AppRunner(port=options.port, debug=True)
    runner.start(app=MyVeryOwnApp)
