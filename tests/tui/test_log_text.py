"""Colours of a log are kept by a list of allowed ones; nothing else reaches the terminal."""

from __future__ import annotations

import pytest

from handrail.text import MASK
from handrail.tui.log_index import LogLine
from handrail.tui.log_text import log_strip


def parts(data: bytes) -> list[tuple[str, str]]:
    return [(segment.text, str(segment.style or "")) for segment in log_strip(LogLine(data))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"plain", [("plain", "")]),
        (b"\x1b[31mred\x1b[0m no", [("red", "color(1)"), (" no", "")]),
        (b"\x1b[1;32mok\x1b[22m ok\x1b[39m!", [("ok", "bold color(2)"), (" ok", "color(2)"), ("!", "")]),
        (b"\x1b[38;5;208mx", [("x", "color(208)")]),
        (b"\x1b[38;2;1;2;3mx", [("x", "rgb(1,2,3)")]),
        (b"\x1b[38;5mx", [("x", "")]),
        (b"\x1b[38;2;1;2;999mx", [("x", "")]),
        (b"\x1b[5;8mhidden", [("hidden", "")]),
        (b"\x1b[30mblack", [("black", "color(8)")]),
        (b"a\tb", [("a       b", "")]),
        (b"\x1b[99999999999999999999mx", [("x", "")]),
    ],
)
def test_colours(data: bytes, expected: list[tuple[str, str]]) -> None:
    assert parts(data) == expected


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x1b]0;title\x07",
        b"\x1b[2J", b"\x1bc", b"\x1b]52;c;ZXZpbA==\x07", b"\x9b2J", b"\xc2\x9b2J", b"\x0e",
        b"\x1b[31\x1b[2Jm", b"\x1b]8;;http://x\x1b\\link", "\u202eevil".encode(), b"\x08\x08", b"\xff\xfe",
    ],
)  # fmt: skip
def test_control_sequences_become_visible(hostile: bytes) -> None:
    text = log_strip(LogLine(b"before " + hostile + b" after")).text
    assert not set(text) & {chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x202E)}
    assert text.startswith("before ")
    assert text.endswith(" after")


def test_secrets_are_masked_and_cut_lines_say_so() -> None:
    assert log_strip(LogLine(b"url=hunter22"), ["hunter22"]).text == f"url={MASK}"
    assert log_strip(LogLine(b"x", cut=1234)).text == "x …1,234 more bytes"
