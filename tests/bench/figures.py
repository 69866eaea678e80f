"""What was measured: figures with their peers and with what they are to reach, as a table and as JSON."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One figure. `reach` is what it is to be at most, or at least; `ratio` is to the peer."""

    part: str
    what: str
    value: float | None
    unit: str
    peer: str = ""
    peer_value: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    judges_ratio: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure over its peer's."""
        if self.value is None or not self.peer_value:
            return None
        return self.value / self.peer_value

    @property
    def reached(self) -> bool | None:
        """Whether it is what it is to be; `None` where nothing is asked, or nothing could be measured."""
        judged = self.ratio if self.judges_ratio else self.value
        if judged is None or (self.at_most is None and self.at_least is None):
            return None
        if self.at_most is not None:
            return judged <= self.at_most
        return judged >= (self.at_least or 0)

    @property
    def aim(self) -> str:
        """What is asked of it."""
        unit = " times" if self.judges_ratio else f" {self.unit}"
        if self.at_most is not None:
            return f"≤ {shown(self.at_most)}{unit}"
        return f"≥ {shown(self.at_least)}{unit}" if self.at_least is not None else ""


@dataclass
class Results:
    """All figures of one run, and the machine on which they were taken."""

    short: bool
    figures: list[Figure] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same as data."""
        figures = [{**asdict(f), "ratio": f.ratio, "reached": f.reached} for f in self.figures]
        return {
            "short": self.short, "machine": self.machine, "figures": figures, "skipped": self.skipped
        }  # fmt: skip

    def as_markdown(self) -> str:
        """The same as a page."""
        machine = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        lines = [
            "# What was measured",
            "",
            "Written by `scripts/bench`, which measures all of it in one run, each peer right beside.",
            "",
            f"Machine: {machine}.",
            "",
            "| | what | handrail | peer | ratio | aim | |",
            "| --- | --- | ---: | ---: | ---: | --- | --- |",
        ]
        for figure in self.figures:
            peer = f"{figure.peer} {shown(figure.peer_value)}" if figure.peer else ""
            ratio = shown(figure.ratio) if figure.ratio is not None else ""
            word = {True: "reached", False: "**not reached**", None: ""}[figure.reached]
            note = f" ({figure.note})" if figure.note else ""
            value = f"{shown(figure.value)} {figure.unit}"
            cells = (figure.part, f"{figure.what}{note}", value, peer, ratio, figure.aim, word)
            lines.append(f"| {' | '.join(cells)} |")
        if self.skipped:
            lines += ["", *(f"- Not measured: {why}" for why in self.skipped)]
        return "\n".join(lines) + "\n"


def shown(value: float | None) -> str:
    """A number with three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def percentile(values: Sequence[float], part: float) -> float:
    """The value below which a part of all lies, the highest one where they are few."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def machine() -> dict[str, Any]:
    """The machine in words that name nobody."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "Python": platform.python_version(),
        "Textual": version("textual"),
    }
