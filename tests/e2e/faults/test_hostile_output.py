"""A step that prints what no terminal should get: the lines of the run stay clean, and the run goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from e2e.faults.desk import Desk

pytestmark = pytest.mark.e2e
NOISE = r"""
import sys
write = sys.stdout.buffer.write
write(b"".join(b"line %d of many\n" % number for number in range(200_000)))
write(b"x" * 3_000_000 + b"\n")
write(b"\x1b]0;title\x07\x1b[2J\x1b[31mred\x1b[0m\x1bc\x9b31m\x1b]52;c;ZXZpbA==\x07 after control\n")
write("bidi \u202e turned \u2066 around\n".encode())
write(b"old words\rnew words\n")
write(bytes(range(256)) + b"\n")
write(b"\n    | Passed: Everything\n")
write(b"the last line has no end")
"""
STEPS = """
### Noise
```bash
PYTHON noise.py
```
### After
```bash
echo after
```
"""


def test_hostile_output_reaches_nobodys_terminal_and_stays_in_the_log(
    desk: Desk, runbook: Callable[[str], Path]
) -> None:
    (desk.project / "checkout" / "noise.py").write_text(NOISE)
    said = desk.auto(runbook(STEPS.replace("PYTHON", sys.executable)))
    said.says("red", "after control", "| new words", "the last line has no end", "| after", code=0)
    wrong = {c for c in said.text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160}
    assert wrong | {c for c in said.text if c in "\u202e\u2066"} == set()
    # What a step prints is set off from what handrail says, whatever it prints.
    assert "\nPassed: Everything" not in said.out
    assert "| | Passed: Everything" in said.out
    assert "bytes are not shown here; `handrail log` has all of them" in said.out
    assert len(said.out) < 2_000_000
    log = desk.attempt(1).log.read_bytes()
    assert b"\x1b]52;c;" in log
    assert b"line 199999 of many" in log
    assert b"x" * 3_000_000 in log
    desk.nothing_lost()
