"""Text that would act on a terminal, in every place that shows text: the real program never sends it on."""

from __future__ import annotations

import json
import re

import pytest

from bench.pseudo_terminal import PseudoTerminal
from e2e.screen.place import Place
from handrail.clock import SystemClock
from handrail.journal.session import RunSession
from handrail.journal.sqlite import SqliteJournal
from handrail.run import commands as c
from handrail.run.actors import Actor
from handrail.run.state import Phase
from waiting import wait_for

pytestmark = pytest.mark.e2e
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x07\x1bc\x0e\x08\x05\x1b[5n\x1b[c\x1b[8mhid\x1bP+q544e\x1b\\"
    "\x1b]8;;http://evil\x1b\\\x1b[?1049l\x9b2J\u202eturned\u2066 [red]markup[/] [/nope] "
)
FORBIDDEN = (
    b"\x1b]0;", b"\x1b]52", b"\x1bc", b"\x0e", b"\x08", b"\x05", b"\x1b[5n", b"\x1b[c", b"\x1b[8m", b"\x1bP",
    b"\x1b]8;", b"\xc2\x9b", b"\xe2\x80\xae", b"\xe2\x81\xa6",
)  # fmt: skip
OWN_TITLE = re.compile(rb"\x1b\]2;[^\x00-\x1f\x7f]*\x07")
IN_YAML = json.dumps(HOSTILE)[1:-1]
RUNBOOK = """\
---
title: "Titled IN_YAML"
description: "Described IN_YAML"
parameters:
  what: {prompt: "Asked IN_YAML", default: "Given IN_YAML"}
---
# Release RAW
Introduced RAW
## Section RAW
### First RAW
Prose RAW
```yaml step
task: shell.fence
with: {script: "echo IN_SHELL"}
undo: {task: shell.fence, with: {script: "echo IN_SHELL"}}
```
### Seen RAW
```yaml step
attest: "Stated IN_YAML"
undo: {nothing: "Because IN_YAML"}
```
### Broken RAW
```yaml step
task: shell.fence
with: {script: "echo IN_SHELL >&2; exit 1"}
on_failure: immediate
irreversible: "For ever IN_YAML"
```
"""


def hostile_runbook(place: Place) -> None:
    """Write it into each place that a runbook has for words."""
    text = RUNBOOK.replace("IN_SHELL", "'" + IN_YAML.replace("\\\\", "\\\\\\\\") + "'")
    place.runbook.write_text(text.replace("IN_YAML", IN_YAML).replace("RAW", HOSTILE), encoding="utf-8")


class Shown:
    """A terminal that keeps every byte, under an operator's hands."""

    def __init__(self, terminal: PseudoTerminal) -> None:
        self.terminal = terminal

    def press(self, keys: bytes, seen: str) -> None:
        """Press keys, and wait for what they show."""
        mark = self.terminal.mark()
        self.terminal.write(keys)
        self.terminal.see(seen, mark, quiet=0.1)

    def is_clean(self) -> None:
        """Nothing of it was sent as it was, and it was shown."""
        output = OWN_TITLE.sub(b"", bytes(self.terminal.output))
        assert b"markup" in output
        for code in FORBIDDEN:
            place = output.find(code)
            assert place < 0, (code, output[max(place - 80, 0) : place + 80])
        # The screen clears by itself once, before anything of it is painted.
        assert output.count(b"\x1b[?1049l") <= 1


def somebody_hostile(place: Place) -> RunSession:
    """A second screen, whose user and host have such names."""
    actor = Actor(user=f"user{HOSTILE}", host=f"host{HOSTILE}", session="another")
    return RunSession(
        SqliteJournal(place.desk.state.journal), place.desk.runs()[0], actor, SystemClock(), lambda: None
    )


def test_no_hostile_byte_is_sent_on(place: Place) -> None:
    hostile_runbook(place)
    shown = Shown(place.bytes_of(size=(100, 40)))
    terminal = shown.terminal
    terminal.see("Titled")
    shown.press(b"\r", "Open run")
    terminal.see("Asked")
    shown.press(b"\x1b[B", "First")
    shown.press(b"\x13", "Run next")
    other = somebody_hostile(place)
    mark = terminal.mark()
    other.send(c.RequestControl())
    other.send(c.AddNote(text=f"Noted {HOSTILE}"))
    terminal.see("Noted|user", mark)
    shown.press(b"\r", "Yes, it holds")
    shown.press(b"l", "Search")
    shown.press(b"/", "Find")
    shown.press(b"markup\r", r"line \d")
    shown.press(b"\x1b[27u\x1b[27u", "Detach")
    shown.press(b"y", "Stated")
    shown.press(b"\r", "Next: Broken")
    shown.press(b"\r", "ROLL BACK")
    mark = terminal.mark()
    other.send(c.ReportTrouble(text=f"Reported {HOSTILE}"))
    terminal.see("Users report trouble", mark)
    shown.press(b"m", "names nothing")
    shown.press(b"\x1b", "Detach")
    for key in (b"x", b"e", b"h"):
        shown.press(key, "Back")
        shown.press(b"\x1b", "Detach")
    shown.press(b"?", "Keys of this screen")
    shown.press(b"\x1b", "Detach")
    shown.press(b"b", "to roll back")
    shown.press(b"production\r", "Rolled back")
    wait_for(lambda: place.desk.run().phase is Phase.ROLLED_BACK, "the rollback's end")
    shown.press(b"\x1b", "Keys")
    shown.press(b"q", "Last runs")
    shown.press(b"\x1b[F\r", "Timeline")
    shown.press(b"G", "The run is rolled back")
    terminal.write(b"\x11")
    terminal.process.wait(20)
    other.journal.close()
    shown.is_clean()
