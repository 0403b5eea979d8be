"""The page in the text format of Prometheus, version 0.0.4, as its client library writes it.

Every sample has the label ``worker``: a scrape of one port meets now one worker, now another, and the series of each go on by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

import hbpush
from hbpush.core.figures import Figure
from hbpush.status.refusals import KINDS
from hbpush.status.report import Part, Report

MEDIA = b"text/plain; version=0.0.4; charset=utf-8"


def as_text(told: Report) -> bytes:
    """The page as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reported(told))
    return generate_latest(registry)


class _Reported(Collector):
    """A report as a collector of Prometheus."""

    def __init__(self, told: Report) -> None:
        self._told = told
        self._worker = str(told.worker)

    def describe(self) -> Iterable[Metric]:
        # Asked when it is registered; what there is depends on the server, and no name is taken by another.
        return ()

    def collect(self) -> Iterator[Metric]:
        told = self._told
        ready = not (told.troubles or told.closing)
        yield self._one("hbpush", "info", 1, "The server.", {"version": hbpush.__version__, "workers": str(told.workers)})
        yield self._one("hbpush", "ready", ready, "Whether every store and location serves, and the server does not go.", {})
        yield self._one("process", "start_time_seconds", told.started, "When the process began to serve, in unix seconds.", {})
        for figure in told.process:
            yield self._family(figure._replace(name=figure.name.removeprefix("process_")), "process", [({}, figure.value)])
        for figure in told.server:
            yield self._family(figure, "hbpush", [({}, figure.value)])
        subscribers = Figure("subscribers", 0, "Subscriptions of this process, by protocol.")
        yield self._family(subscribers, "hbpush", [({"protocol": name}, number) for name, number in told.subscribers.items()])
        yield from self._parts("store", told.stores)
        yield from self._parts("location", told.locations)
        bounds = [({"part": "server", "name": name}, value) for name, value in told.bounds.items()]
        for kind, parts in (("store ", told.stores), ("", told.locations)):
            bounds += [({"part": kind + part.name, "name": name}, value) for part in parts for name, value in part.bounds.items()]
        yield self._family(Figure("bound", 0, "What is allowed at most; 0 stands for no bound."), "hbpush", bounds)
        refused = [({"kind": kind}, float(number)) for kind, number in told.refused.items()]
        yield self._family(Figure("refused", 0, "Refusals, by kind: " + "; ".join(KINDS) + ".", True), "hbpush", refused)

    def _parts(self, what: str, parts: Iterable[Part]) -> Iterator[Metric]:
        families: dict[str, tuple[Figure, list[tuple[dict[str, str], float]]]] = {}
        for part in parts:
            labels = {what: part.name, "type": part.type}
            serves = Figure("serves", not part.trouble, f"Whether the {what} serves.")
            for figure in (serves, *part.figures):
                families.setdefault(figure.name, (figure, []))[1].append((labels, figure.value))
            people = Figure("subscribers", 0, f"Subscriptions by way of the {what}, by protocol.")
            for protocol, number in part.subscribers.items():
                families.setdefault(people.name, (people, []))[1].append(({**labels, "protocol": protocol}, number))
        for figure, samples in families.values():
            yield self._family(figure, f"hbpush_{what}", samples)

    def _one(self, space: str, name: str, value: float, help: str, labels: dict[str, str]) -> Metric:
        return self._family(Figure(name, value, help), space, [(labels, value)])

    def _family(self, figure: Figure, space: str, samples: Iterable[tuple[dict[str, str], float]]) -> Metric:
        kind = CounterMetricFamily if figure.total else GaugeMetricFamily
        family = kind(f"{space}_{figure.name}", figure.help)
        suffix = "_total" if figure.total else ""
        for labels, value in samples:
            family.add_sample(f"{space}_{figure.name}{suffix}", {**labels, "worker": self._worker}, float(value))
        return family
