"""Durations counted by size: percentiles that are right to 1.6 %, in bounded memory, and a picture in text. Pure."""

from __future__ import annotations

_WIDTH = 40
_PARTS = "▏▎▍▌▋▊▉█"


class Histogram:
    """Counts of whole nanoseconds. ``largest`` and ``count`` are exact."""

    def __init__(self) -> None:
        self.count = 0
        self.largest = 0
        self._counts: dict[int, int] = {}

    def add(self, nanoseconds: int, times: int = 1) -> None:
        """Count a duration; one below 0 is 0."""
        value = max(nanoseconds, 0)
        shift = max(value.bit_length() - 7, 0)
        # The seven leading bits, and how far they were shifted: values of one key differ by less than a 64th.
        key = (shift << 7) | (value >> shift)
        counts = self._counts
        counts[key] = counts.get(key, 0) + times
        self.count += times
        if value > self.largest:
            self.largest = value

    def percentile(self, percent: float) -> int:
        """The duration that so many percent do not exceed, rounded up to its bucket; 0 when there are none."""
        wanted = self.count * percent / 100
        seen = 0
        for key in sorted(self._counts):
            seen += self._counts[key]
            if seen >= wanted:
                return min(_upper(key), self.largest)
        return self.largest

    def powers(self) -> list[tuple[int, int, int]]:
        """From, to (in nanoseconds) and how many, for each power of two from the smallest to the largest that was counted."""
        sums: dict[int, int] = {}
        for key, count in self._counts.items():
            bits = ((key & 127) << (key >> 7)).bit_length()
            sums[bits] = sums.get(bits, 0) + count
        if not sums:
            return []
        return [((1 << bits) >> 1, 1 << bits, sums.get(bits, 0)) for bits in range(min(sums), max(sums) + 1)]

    def picture(self) -> list[str]:
        """Its lines: from, to, a bar, the share."""
        rows = self.powers()
        most = max((count for _, _, count in rows), default=1)
        lines = []
        for low, high, count in rows:
            eighths = -(-count * _WIDTH * 8 // most)
            bar = _PARTS[-1] * (eighths // 8) + (_PARTS[eighths % 8 - 1] if eighths % 8 else "")
            lines.append(f"{shown(low):>8} - {shown(high):>8}  {bar:<{_WIDTH}} {100 * count / self.count:6.2f} %")
        return lines


def shown(nanoseconds: float) -> str:
    """A duration for a person: three digits and a unit."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}" if nanoseconds / size < 1000 else f"{nanoseconds / size:.0f} {unit}"
    return f"{nanoseconds:.0f} ns"


def _upper(key: int) -> int:
    shift = key >> 7
    return (((key & 127) + 1) << shift) - 1
