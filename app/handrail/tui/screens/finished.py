"""What a run that is over came to, and all that happened in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar

from msgspec.structs import replace
from textual.binding import Binding, BindingType

from handrail.configuration.actions import Keys
from handrail.project.model import Target
from handrail.reports.timeline import timeline
from handrail.run.events import read_event
from handrail.text import clean_line
from handrail.tui.choosing import Attached
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.summary import summary_lines, summary_title
from handrail.tui.screens.sheet import SheetScreen


class FinishedScreen(SheetScreen):
    """Its summary, then its timeline; the steps with their logs lie one key further."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "steps_and_logs", "Steps and logs", show=False, id="steps_and_logs"),
    ]

    def __init__(self, attached: Attached, keys: Keys, follow: Callable[[Attached], None]) -> None:
        state = attached.session.state
        lines = (*summary_lines(state), (), line(("Timeline", Tone.STRONG)), *_timeline(attached))
        super().__init__(summary_title(state), lines, keys)
        self._attached = attached
        self._follow = follow

    @property
    def target(self) -> Target:
        """The run's target."""
        return self._attached.session.state.plan.target

    def keys_line(self) -> Line:
        """The keys, with the one that leads on."""
        keys = self._keys
        steps = (keys.shown("steps_and_logs"), Tone.KEY), " Steps and logs   "
        rows = (f"{keys.shown('down')} {keys.shown('up')}", Tone.KEY), " Scroll"
        return line(("esc", Tone.KEY), " Back   ", *steps, *rows)

    def action_steps_and_logs(self) -> None:
        """Go on to the run itself."""
        self.dismiss()
        self._follow(replace(self._attached, told=True))


def _timeline(attached: Attached) -> list[Line]:
    session = attached.session
    # As far as the chain holds: what comes after it is not told as if it had happened.
    records = session.journal.read(session.run, limit=session.state.seq)
    told = timeline(session.run, [(read_event(record.body), record.at) for record in records])
    lines = []
    for each in told:
        at = datetime.fromtimestamp(each.at.wall, UTC).astimezone()
        lines.append(line((f"{at:%H:%M:%S}  ", Tone.QUIET), clean_line(each.text)))
    return lines
