"""What a person should be told of an event that the lists don't show by themselves."""

from __future__ import annotations

from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.events import Event
from handrail.text import clean_line
from handrail.tui.presenters.line import Line, Tone, line


def notice_for(event: Event, actor: Actor) -> Line | None:
    """A sentence for the screen of `actor`; `None` where nothing need be said."""
    match event:
        case e.NoteAdded() if event.by.session != actor.session:
            return line((f"{clean_line(event.by.name)} notes: {clean_line(event.text)}", Tone.PLAIN))
        case e.ControlRequested() if event.by.session != actor.session:
            return line((f"{clean_line(event.by.name)} asks to take over: h hands over.", Tone.WARN))
        case e.ControlChanged():
            if event.operator.session == actor.session:
                return line(("You drive this run now.", Tone.GOOD))
            return line(
                (f"{clean_line(event.operator.name)} drives now: {clean_line(event.reason)}", Tone.WARN)
            )
        case e.EngineStarted() if event.epoch > 1:
            found = f" It found attempt {event.adopted[0]} under way." if event.adopted else ""
            return line((f"A new engine drives the run.{found}", Tone.WARN))
        case e.ClockJumped():
            words = (
                "The machine was rebooted"
                if event.rebooted
                else f"The clock was set by {event.seconds:+.0f}s"
            )
            return line((f"{words}; countdowns go on from what is known.", Tone.WARN))
        case e.FilesChanged() if not event.files:
            return line(("The plan's files are again what the plan was made from.", Tone.GOOD))
        case e.DeadlinePassed():
            return line(("The rollback deadline has passed.", Tone.BAD))
        case _:
            return None
