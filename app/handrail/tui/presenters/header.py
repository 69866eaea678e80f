"""What is always in view: the target, who drives, since when the lock is held, and what is running."""

from __future__ import annotations

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.project.calendar import Calendar
from handrail.project.model import Target
from handrail.reports.signals import progress, tally_of_verdicts
from handrail.run.actors import Actor
from handrail.run.events import Purpose
from handrail.run.plan import Plan
from handrail.run.state import Phase, RunState, StepState
from handrail.run.window import run_outlook
from handrail.text import clean_line, duration
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.line import Line, Part, Tone, line, spread, text_of
from handrail.tui.presenters.steps import sign_of, usual_words

NARROW = 60
WIDE = 120


def target_parts(target: Target) -> tuple[Part, ...]:
    """The target's name; production in words and in a colour of its own."""
    if not target.production:
        return ((f" {clean_line(target.name)} ", Tone.STRONG),)
    return ((f" {production_words(target)} ", Tone.PRODUCTION),)


def production_words(target: Target) -> str:
    """How a production target is named wherever it is."""
    name = clean_line(target.name)
    return "PRODUCTION" if name.lower() == "production" else f"PRODUCTION · {name}"


def emergency_parts(plan: Plan) -> tuple[Part, ...]:
    """The word EMERGENCY with the incident, where the run is one."""
    if plan.emergency is None:
        return ()
    return ((" ", Tone.PLAIN), (f" EMERGENCY {clean_line(plan.emergency.incident)} ", Tone.ALARM))


def header_lines(
    state: RunState,
    actor: Actor,
    now: Instant,
    width: int,
    *,
    may_act: bool = True,
    calendar: Calendar | None = None,
    keys: Keys = OWN_KEYS,
) -> tuple[Line, ...]:
    """Three lines (two on a narrow screen): target and run; who drives and the lock; what is running."""
    who = _who(state, actor, may_act, keys)
    target = (*target_parts(state.plan.target), *emergency_parts(state.plan))
    first_left: Line = (*target, *line(" ", (clean_line(state.plan.title), Tone.STRONG)))
    now_running = spread(_running(state, now), _progress(state, width), width)
    if width < NARROW:
        return spread(target, who, width), now_running
    lock = line((_lock(state, now), Tone.QUIET))
    run = line((f"run {clean_line(state.run)}", Tone.QUIET))
    second: Line = (*who, *line("  "), *lock)
    room = width - len(text_of(second))
    return (
        spread(first_left, run, width),
        spread(second, _clock(state, now) or _window(state, now, calendar, room), width),
        now_running,
    )


def _who(state: RunState, actor: Actor, may_act: bool, keys: Keys) -> Line:
    if state.operator.session == actor.session and may_act:
        asked = state.control_requested_by
        key = keys.shown("hand_over", "h")
        extra = f" · {clean_line(asked.name)} asks to take over ({key} hands over)" if asked else ""
        return line((" You drive", Tone.GOOD), (extra, Tone.WARN))
    return line((" WATCHING", Tone.WARN), f" · {clean_line(state.operator.name)} drives")


def _lock(state: RunState, now: Instant) -> str:
    opened = state.opened.datetime().strftime("%H:%M:%S UTC")
    if state.closed is not None:
        return f"lock released {state.closed.datetime().strftime('%H:%M:%S UTC')}"
    return f"lock held since {opened}"


def _clock(state: RunState, now: Instant) -> Line:
    if abs(state.clock_jump) >= 1:
        return line((f"clock was set by {state.clock_jump:+.0f}s; countdowns hold", Tone.WARN))
    return ()


def _window(state: RunState, now: Instant, calendar: Calendar | None, room: int) -> Line:
    """The deployment window, where there is room for it: whole, or else short."""
    outlook = run_outlook(state, now, calendar)
    if outlook is None:
        return ()
    tone = Tone.WARN if outlook.warns else Tone.QUIET
    fitting = (words for words in (outlook.words, outlook.short) if len(words) + 3 <= room)
    return line((f"{clean_line(next(fitting, ''))} ", tone))


def _progress(state: RunState, width: int) -> Line:
    steps = state.current_steps
    done = sum(step.status.is_done for step in steps)
    if width < NARROW:
        return line((f"{done}/{len(steps)}", Tone.QUIET))
    name = "rollback " if state.rollback_started else ""
    return line((f"{name}{done} of {len(steps)} done", Tone.QUIET))


def _running(state: RunState, now: Instant) -> Line:
    if not state.phase.is_open:
        good = state.phase is Phase.FINISHED
        return line((f" {state.phase.value.upper()} ", Tone.GOOD if good else Tone.WARN))
    attempt = state.running
    if attempt is not None and attempt.step in state.steps:
        step = state.steps[attempt.step]
        words = {Purpose.GATE: f"checking {attempt.call.task} for ", Purpose.PROBE: "looking what became of "}
        taken = duration(now.since(attempt.started or attempt.announced))
        stopping = " · stopping" if attempt.cancelling else ""
        compare = f", {usual_words(state.plan, step.planned)}" if attempt.purpose is Purpose.STEP else ""
        return line(
            (f" ▶ {taken}{compare}{stopping}  ", Tone.BUSY),
            words.get(attempt.purpose, ""),
            (clean_line(step.planned.title), Tone.STRONG),
        )
    if (waiting := state.waiting_step) is not None:
        return _waiting(state, waiting)
    if state.foreign_events is not None and state.rollback_started is None:
        return line((" Somebody wrote into this run's journal: nothing goes forward", Tone.BAD))
    if (current := state.current) is None:
        return line((" Every step is done; a trigger is still open", Tone.WARN))
    sign = sign_of(state, current)
    word = "Next" if current.status.value == "pending" else sign.word.capitalize()
    return line((f" {sign.glyph} {word}: ", sign.tone), (clean_line(current.planned.title), Tone.STRONG))


def _waiting(state: RunState, step: StepState) -> Line:
    """A step that the engine itself carries out: how far it is, and what is not good."""
    words, _ = progress(state)
    sign = sign_of(state, step)
    found = tally_of_verdicts(tuple(state.watch.judgements.values())) if state.watch.is_on else ""
    tone = Tone.BAD if "BAD" in found else Tone.WARN
    doing = sign.word if state.watch.is_on else "baseline:"
    return line(
        (f" {sign.glyph} {doing} {words}", sign.tone),
        (f", {found}" if found else "", tone),
        ("  ", Tone.PLAIN),
        (clean_line(step.planned.title), Tone.STRONG),
    )
