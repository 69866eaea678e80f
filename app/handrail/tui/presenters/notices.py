"""What a person should be told of an event that the lists don't show by themselves."""

from __future__ import annotations

from handrail.configuration.actions import Keys
from handrail.run import events as e
from handrail.run import watch_events as w
from handrail.run.actors import Actor
from handrail.run.events import Event
from handrail.run.on_deadline import BY_ITSELF
from handrail.text import clean_line
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.line import Line, Tone, line


def notice_for(event: Event, actor: Actor, keys: Keys = OWN_KEYS) -> Line | None:
    """A sentence for the screen of `actor`; `None` where nothing need be said."""
    match event:
        case e.NoteAdded() if event.by.session != actor.session:
            return line((f"{clean_line(event.by.name)} notes: {clean_line(event.text)}", Tone.PLAIN))
        case e.ControlRequested() if event.by.session != actor.session:
            key = keys.shown("hand_over", "h")
            return line((f"{clean_line(event.by.name)} asks to take over: {key} hands over.", Tone.WARN))
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
            return _of_the_watch(event, actor)


def _of_the_watch(event: Event, actor: Actor) -> Line | None:
    """What others did about a watch and its deadlines, and what happens by itself."""
    match event:
        case w.TroubleReported() if event.by.session != actor.session:
            said = f"{clean_line(event.by.name)} passes on what users report: {clean_line(event.text)}"
            return line((said, Tone.WARN))
        case w.DeadlineExtended() if event.by.session != actor.session:
            until = f"{event.deadline.datetime():%H:%M:%S} UTC"
            said = f"{clean_line(event.by.name)} extended a deadline to {until}: {clean_line(event.reason)}"
            return line((said, Tone.WARN))
        case w.ReleaseKept() if event.by.session != actor.session:
            said = f"{clean_line(event.by.name)} says that the release stays: {clean_line(event.reason)}"
            return line((said, Tone.WARN))
        case w.WatchStretched() if event.by.session != actor.session:
            return line((f"{clean_line(event.by.name)} stretched the watch.", Tone.PLAIN))
        case w.WatchEnded() if event.clean:
            return line((clean_line(event.evidence), Tone.GOOD))
        case e.RollbackStarted() if event.by.session == BY_ITSELF.session:
            return line(("The rollback has begun BY ITSELF: the last safe moment had come.", Tone.ALARM))
        case _:
            return None
