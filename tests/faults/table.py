"""All scenarios, by the names that the command line knows."""

from __future__ import annotations

from tests.faults import failures, losses
from tests.faults.runner import Scenario

SCENARIOS = {
    "two": Scenario("two processes, nothing fails", 2, failures.nothing),
    "four": Scenario("four processes, nothing fails", 4, failures.nothing),
    "lag": Scenario("one of two processes hears late", 2, failures.lag, proxied=True),
    "kill": Scenario("redis kill -9", 3, failures.kill_redis),
    "connections": Scenario("CLIENT KILL each second", 2, failures.kill_connections),
    "pause": Scenario("CLIENT PAUSE", 2, failures.pause_clients),
    "stop": Scenario("SIGSTOP of redis", 2, failures.stop_redis),
    "process": Scenario("kill -9 of one of three processes", 3, failures.kill_process),
    "away": Scenario("redis is away", 2, failures.away),
    "cut": Scenario("connections cut when a publish has arrived", 2, failures.cut_answers, proxied=True, share=0.3),
    "flush": Scenario("FLUSHALL", 3, losses.flush),
    "restart": Scenario("restart without what was kept", 2, losses.restart_empty, appendonly=False),
}
