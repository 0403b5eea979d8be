"""A Redis master, its replica, and the sentinels that put the one in the place of the other."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from tests.support.redis_process import RedisProcess
from tests.support.redis_server import RedisServer
from tests.support.redis_wire import until

DOWN_AFTER = 500
"""Milliseconds without an answer after which a sentinel takes a master for dead."""


class Sentinels:
    """``count`` sentinels, a master and a replica that has all that the master has. A context manager, ready on entry.

    One sentinel decides alone; several need their majority, and some seconds more. Both servers keep their data in an append-only file,
    so that a master that comes back has what it had.
    """

    master_name = "main"

    def __init__(self, count: int = 1) -> None:
        self.master = RedisServer(appendonly=True, settings={"repl-diskless-sync-delay": "0"})
        self.replica = RedisServer(
            appendonly=True,
            settings={"repl-diskless-sync-delay": "0", "replicaof": f"{self.master.address[0]} {self.master.port}"},
        )
        self.sentinels = [_Sentinel(self.master, count // 2 + 1) for _ in range(count)]
        self._open = ExitStack()

    @property
    def hosts(self) -> list[tuple[str, int]]:
        """The addresses of the sentinels."""
        return [sentinel.address for sentinel in self.sentinels]

    def __enter__(self) -> Sentinels:
        with ExitStack() as opening:
            for server in (self.master, self.replica):
                opening.enter_context(server)
            self.caught_up()
            for sentinel in self.sentinels:
                opening.enter_context(sentinel)
                sentinel.hurry()
            self._all_known()
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._open.close()

    def caught_up(self) -> None:
        """Wait until the replica has all that the master has now."""
        target = int(_replication(self.master)["master_repl_offset"])

        def there() -> bool:
            now = _replication(self.replica)
            return now["master_link_status"] == "up" and int(now["slave_repl_offset"]) >= target

        until(there, "the replica has caught up")

    def cut_replication(self) -> None:
        """The replica gets nothing more, and the sentinels still take it for well: what is written now is lost with the master."""
        self.replica.cli("CONFIG", "SET", "masterauth", "not the password of the master")
        self.replica.cli("CLIENT", "KILL", "TYPE", "master")
        until(lambda: _replication(self.replica)["master_link_status"] == "down", "the replica is cut off")

    def fail_over(self) -> RedisServer:
        """Kill the master and wait until all sentinels name the other and find it well. Returns it; `replica` is then the dead one.

        It takes some 2 seconds. After `cut_replication` it has to be asked for within 5: a sentinel passes over a replica that has been
        cut off for long.
        """
        self.master.kill()
        self.master, self.replica = self.replica, self.master
        until(lambda: all(sentinel.serves(self.master) for sentinel in self.sentinels), "the sentinels name the other")
        until(lambda: self.master.cli("ROLE")[0] == b"master", "the other is the master")
        return self.master

    def rejoin(self) -> RedisServer:
        """Start the dead server again, as the replica of the new master, and wait until it is. Returns it."""
        self.master.cli("CONFIG", "SET", "masterauth", "")
        self.replica.start()
        self.replica.cli("REPLICAOF", *self.master.address)
        self.caught_up()
        self._all_known()
        return self.replica

    def _all_known(self) -> None:
        others = len(self.sentinels) - 1
        until(lambda: all(sentinel.knows(self.replica, others) for sentinel in self.sentinels), "the sentinels know all")


class _Sentinel(RedisProcess):
    def __init__(self, master: RedisProcess, quorum: int) -> None:
        super().__init__()
        name, (host, port) = Sentinels.master_name, master.address
        self._options = ("--sentinel",)
        self.configure(
            [
                f"port {self.port}",
                f"sentinel monitor {name} {host} {port} {quorum}",
                f"sentinel down-after-milliseconds {name} {DOWN_AFTER}",
                f"sentinel failover-timeout {name} 1000",
            ]
        )

    def hurry(self) -> None:
        """Look after the servers, and tell other sentinels, more often than each second and each ten."""
        for name in ("INFO-PERIOD", "PUBLISH-PERIOD", "ASK-PERIOD"):
            self.cli("SENTINEL", "DEBUG", name, 100)
        # A replica that has told nothing for five of these is none to promote; with the master down it is asked each second only.
        self.cli("SENTINEL", "DEBUG", "PING-PERIOD", 400)

    def serves(self, master: RedisProcess) -> bool:
        """Whether it sends clients to this master. It gives the address of a new one some time before it is done with the old."""
        host, port = self.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", Sentinels.master_name)
        known = _pairs(self.cli("SENTINEL", "MASTER", Sentinels.master_name))
        return (host.decode(), int(port)) == master.address and int(known[b"port"]) == master.port and known[b"flags"] == b"master"

    def knows(self, replica: RedisProcess, sentinels: int) -> bool:
        """Whether it has a healthy master with this healthy replica, and so many other sentinels."""
        master = _pairs(self.cli("SENTINEL", "MASTER", Sentinels.master_name))
        replicas = [_pairs(found) for found in self.cli("SENTINEL", "REPLICAS", Sentinels.master_name)]
        return (
            master[b"flags"] == b"master"
            and int(master[b"num-other-sentinels"]) == sentinels
            and any(int(found[b"port"]) == replica.port and found[b"flags"] == b"slave" for found in replicas)
        )


def _pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _replication(server: RedisProcess) -> dict[str, str]:
    lines = server.cli("INFO", "replication").decode().splitlines()
    return {name: value for name, colon, value in (line.partition(":") for line in lines) if colon}
