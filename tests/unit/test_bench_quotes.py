"""The README quotes what the bench has written, figure by figure."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.figures import shown

ROOT = Path(__file__).parents[2]
FIGURES = {
    (figure["part"], re.sub(r" \(.*", "", figure["what"]), figure["peer"]): figure
    for figure in json.loads((ROOT / "docs" / "bench.json").read_text(encoding="utf-8"))["figures"]
}
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
FLOOD, LINK = "under the flood: key to paint, a letter", "64 KiB/s, 150 ms: key to paint, a letter"


def found(part: str, what: str) -> dict[str, object]:
    return next(figure for (of, name, _), figure in FIGURES.items() if (of, name) == (part, what))


@pytest.mark.parametrize(
    ("part", "what", "field", "words"),
    [
        ("b", "2,000,000 lines, lines a second", "ratio", "{:.0f} times as fast as by `cat`"),
        ("b", "2,000,000 lines, memory growth", "value", "takes {} MB of memory"),
        ("b", f"{FLOOD}, p50", "value", "a key is seen after {} ms"),
        ("b", f"{FLOOD}, p99", "value", "(99 of 100 within {} ms)"),
        ("f", f"{LINK}, p50", "value", "of round trip after {} ms"),
        ("f", f"{LINK}, p99", "value", "after {p50} ms ({} ms)"),
        ("f", f"{LINK}, p50", "peer_value", "with the same log takes {} ms and more"),
        ("c", "at rest with a countdown, to the terminal", "value", "gets {} bytes a second"),
        ("c", "at rest with a countdown, processor", "value", "is busy for {} %"),
        ("a", "start to first full paint", "value", "to the first full paint it takes {} ms"),
        ("a", "start to first full paint", "ratio", "{} times as long as a bare Textual app"),
    ],
)
def test_the_readme_quotes_the_bench(part: str, what: str, field: str, words: str) -> None:
    value = found(part, what)[field]
    middle = shown(found("f", f"{LINK}, p50")["value"])
    said = words.replace("{p50}", middle)
    assert (said.format(value) if ":" in said else said.format(shown(value))) in README
