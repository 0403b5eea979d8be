"""All scenarios, by the names that the command line knows."""

from __future__ import annotations

from tests.faults.scenarios import Scenario, kill_connections, kill_process, kill_redis, nothing, pause_clients, stop_redis

SCENARIOS = {
    "two": Scenario("two processes, nothing fails", 2, nothing),
    "four": Scenario("four processes, nothing fails", 4, nothing),
    "kill": Scenario("redis kill -9", 3, kill_redis),
    "connections": Scenario("CLIENT KILL each second", 2, kill_connections),
    "pause": Scenario("CLIENT PAUSE", 2, pause_clients),
    "stop": Scenario("SIGSTOP of redis", 2, stop_redis),
    "process": Scenario("kill -9 of one of three processes", 3, kill_process),
}
