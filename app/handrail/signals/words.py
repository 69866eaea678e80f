"""Numbers as a frightened person reads them at three in the morning."""

from __future__ import annotations

_THOUSAND = 1_000
_FAR_BEYOND = 1e-9


def count(number: float) -> str:
    """`3000` as 3,000."""
    return f"{round(number):,}"


def share(value: float) -> str:
    """A share from 0 to 1 in percent, with as many digits as tell something."""
    percent = value * 100
    if percent == 0 or percent >= 10:
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if percent >= 0.1 else f"{percent:.2g} %"


def times(ratio: float) -> str:
    """`8.24` as 8.2, and 46.3 as 46."""
    return f"{ratio:.1f}" if ratio < 10 else count(ratio)


def by_chance(p: float) -> str:
    """How likely by chance, rounded to the safe side: `by chance less than 1 in 3,000`."""
    if p >= 0.1:
        return f"by chance {share(p)}"
    if p < _FAR_BEYOND:
        return "by chance less than 1 in 1,000,000,000"
    odds = int(1 / p)
    digit = 10 ** (len(str(odds)) - 1)
    return f"by chance less than 1 in {count(odds // digit * digit)}"


def lasting(seconds: float) -> str:
    """`90` as 90 s, and 600 as 10 min."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def amount(value: float, unit: str) -> str:
    """A level or a latency with its unit: `512 MB`, `88 %`, `1,240 ms`."""
    if unit == "bytes":
        for name, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if abs(value) >= size:
                return (
                    f"{value / size:.3g} {name}"
                    if abs(value) < _THOUSAND * size
                    else f"{count(value / size)} {name}"
                )
        return f"{count(value)} bytes"
    number = count(value) if abs(value) >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def change(ratio: float) -> str:
    """A ratio as a change: `1.31` as +31 %, 4.2 as 4.2 times."""
    return f"{(ratio - 1) * 100:+.0f} %" if ratio < 3 else f"{times(ratio)} times"


def counted(number: float, noun: str) -> str:
    """`1 request`, and `151 requests`."""
    return f"{count(number)} {noun}" if round(number) == 1 else f"{count(number)} {noun}s"
