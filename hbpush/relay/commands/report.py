"""What a bench has found, for a person and for a program."""

from __future__ import annotations

import msgspec

from hbpush.relay.commands.endings import DONE, MISSING, REFUSED
from hbpush.relay.commands.histogram import Histogram, shown

BUSY = 0.9
"""The share of a core from which on the bench may have measured itself."""

_PERCENTS = (50, 90, 99, 99.9)


class Result(msgspec.Struct, kw_only=True):
    """The figures of one run. ``processor`` is what this process took of one core; ``rate`` 0 is as fast as answers came."""

    kind: str
    subscribers: int
    in_flight: int
    rate: float
    size: int
    publishing_seconds: float
    seconds: float
    processor: float
    published: int
    refused: int
    refusal: str
    unsent: int
    delivered: int
    lost: int
    dropped: int
    doubled: int
    disordered: int
    latency: Histogram
    lateness: Histogram


def status_of(result: Result) -> int:
    """The exit status."""
    if result.lost or result.doubled or result.disordered:
        return MISSING
    return REFUSED if result.refused or not result.published else DONE


def as_text(result: Result) -> str:
    """Lines for a person."""
    how = f"{result.rate:g} messages a second" if result.rate else f"{result.in_flight} in flight"
    latency = result.latency
    figures = "  ".join(f"p{percent:g} {shown(latency.percentile(percent))}" for percent in _PERCENTS)
    lines = [
        f"{result.subscribers:,} subscribers by {result.kind}, {how}, {result.size:,} bytes, {result.publishing_seconds:.1f} seconds",
        f"published  {result.published:,} ({result.published / result.publishing_seconds:,.0f} a second)",
        f"delivered  {result.delivered:,} ({result.delivered / result.seconds:,.0f} a second), "
        f"lost {result.lost:,}, doubled {result.doubled:,}, out of order {result.disordered:,}",
        f"latency    {figures}  max {shown(latency.largest)}",
        f"           from when a message was {'due' if result.rate else 'sent'} until a subscriber read it (monotonic clock)",
        *latency.picture(),
    ]
    if result.dropped:
        lines.append(f"dropped    {result.dropped:,} deliveries by the channel's bounds, as the server says")
    if result.refused:
        lines.append(f"refused    {result.refused:,} messages, the first with: {result.refusal or 'no answer'}")
    if result.rate:
        late = result.lateness
        lines.append(f"schedule   messages left late by  p50 {shown(late.percentile(50))}  p99 {shown(late.percentile(99))}")
    if result.unsent:
        lines.append(f"schedule   {result.unsent:,} messages were due and could not leave: all publishers waited for answers")
    busy = ": it may have measured itself; use less, or several at once" if result.processor > BUSY else ""
    lines.append(f"this process took {100 * result.processor:.0f} % of a core{busy}")
    return "\n".join(lines) + "\n"


def as_json(result: Result) -> str:
    """One line of JSON; durations are in seconds."""
    told = {
        name: value
        for name, value in msgspec.structs.asdict(result).items()
        if not isinstance(value, Histogram) and not (name == "refusal" and not value)
    }
    told["publish_rate"] = result.published / result.publishing_seconds
    told["delivery_rate"] = result.delivered / result.seconds
    for name in ("latency", "lateness"):
        histogram = getattr(result, name)
        if histogram.count:
            told[name] = {f"p{percent:g}": histogram.percentile(percent) / 1e9 for percent in _PERCENTS} | {"max": histogram.largest / 1e9}
    told["histogram"] = [[low / 1e9, high / 1e9, count] for low, high, count in result.latency.powers()]
    return msgspec.json.encode(told).decode() + "\n"
