"""Durations counted by size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hbpush.relay.commands.histogram import Histogram, shown


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=200), st.sampled_from([50, 90, 99, 99.9, 100]))
def test_percentiles_are_right_to_a_sixtieth(values: list[int], percent: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    exact = sorted(values)[max(0, -int(-len(values) * percent // 100) - 1)]
    assert exact <= histogram.percentile(percent) <= exact + exact / 60
    assert histogram.largest == max(values)
    assert sum(count for _, _, count in histogram.powers()) == histogram.count == len(values)


def test_the_picture() -> None:
    histogram = Histogram()
    histogram.add(1000, 3)
    histogram.add(3000)
    assert histogram.powers() == [(512, 1024, 3), (1024, 2048, 0), (2048, 4096, 1)]
    lines = histogram.picture()
    assert [line.split()[-2] for line in lines] == ["75.00", "0.00", "25.00"]
    assert [line.count("█") for line in lines] == [40, 0, 13]


def test_nothing_counted() -> None:
    assert (Histogram().percentile(99), Histogram().powers(), Histogram().picture()) == (0, [], [])


def test_durations_for_a_person() -> None:
    assert [shown(value) for value in (12, 1234, 999_000_000, 1.5e9)] == ["12 ns", "1.23 us", "999 ms", "1.5 s"]
