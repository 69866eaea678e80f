"""One step in words: what it is, why it stands where it stands, what exactly will run, and the way back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.issues.model import Found
from handrail.reports.signals import SignalSeen, progress, standing
from handrail.reports.watch_sentences import judgement_words
from handrail.run.notices import undelivered
from handrail.run.other_way import if_it_fails, ways_by_hand
from handrail.run.plan import PlannedCall, PlannedStep, UndoKind
from handrail.run.rules import foreign_events
from handrail.run.state import AttemptState, RunState, StepState, StepStatus
from handrail.run.undo import why_irreversible
from handrail.runbook.model import StepKind
from handrail.signals.judgement import SignalVerdict
from handrail.text import clean, clean_line, duration
from handrail.tui.presenters.actions import OWN_KEYS
from handrail.tui.presenters.issues import issue_lines
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.monitor import tone_of
from handrail.tui.presenters.prose import prose_lines
from handrail.tui.presenters.steps import SIGNS, sign_of, time_taken, usual_words


def detail_lines(
    state: RunState,
    step: StepState,
    issues: Sequence[Found] = (),
    signals: Sequence[SignalSeen] = (),
    keys: Keys = OWN_KEYS,
    errors: Sequence[str] = (),
) -> tuple[Line, ...]:
    """All that is to be said of a step; the part that changes what to do next comes first.

    `signals` are what a watch under way sees, `errors` lines of a failed step's log that are out of view.
    """
    return (
        *_standing(state, step, signals, keys),
        *_errors(errors, issues),
        *issue_lines(issues),
        *_what_runs(state, step, keys),
        *_gate(state, step),
        *(((), *prose) if (prose := prose_lines(step.planned.prose)) else ()),
        (),
        *_way_back(state, step, keys),
    )


def detail_title(state: RunState, step: StepState, now: Instant) -> Line:
    """The step's title with its state and times."""
    sign = sign_of(state, step)
    taken = time_taken(state, step, now)
    said = [] if step.status is StepStatus.PENDING else [sign.word.capitalize()]
    if step is state.waiting_step:
        words = f"{sign.glyph} {sign.word.capitalize()} {progress(state)[0]}"
        return line((words, sign.tone), "  ", (clean_line(step.planned.title), Tone.STRONG))
    if said and taken is not None:
        said[0] += f" {duration(taken)}"
    if step.planned.kind is not StepKind.ATTEST:
        said.append(usual_words(state.plan, step.planned))
    words = f"{sign.glyph} {', '.join(said) or 'To do'}"
    return line((words, sign.tone), "  ", (clean_line(step.planned.title), Tone.STRONG))


def _standing(
    state: RunState, step: StepState, signals: Sequence[SignalSeen], keys: Keys
) -> tuple[Line, ...]:
    lines: list[Line] = []
    if step.status is StepStatus.IN_DOUBT:
        lines.append(_evidence(state, step))
        lines.append(line(("What became of it is not known: ", Tone.WARN), clean_line(step.doubt)))
    elif step.why:
        tone = SIGNS[step.status].tone
        words = {
            StepStatus.PENDING: "Last try: ",
            StepStatus.SKIPPED: "Why: ",
            StepStatus.MARKED_DONE: "Why: ",
            StepStatus.REPLACED: "Replaced: ",
        }
        said = [text for text in clean(step.why).splitlines() if text.strip()] or [""]
        first = words.get(step.status, f"{SIGNS[step.status].word.capitalize()}: ")
        lines.append(line((first, tone), said[0]))
        lines += [line("  " + text) for text in said[1:]]
    if step is state.waiting_step:
        lines += _watch(state, signals, keys)
    if why := foreign_events(state, step):
        lines.append(line((why, Tone.BAD)))
    if state.changed_files and step is state.current and not step.undoes:
        lines += _differences(state)
    lines += [
        line((f"The channel: {notice.delivery.value}. ", Tone.WARN), clean_line(notice.latest.evidence))
        for notice in undelivered(state)
        if notice.latest.step == step.key
    ]
    if step.by:
        lines.append(line((f"Said by {clean_line(step.by)}", Tone.QUIET)))
    attempt = state.last_attempt(step.key)
    if attempt is not None and attempt.left_behind:
        lines.append(line(("Still running after it ended: ", Tone.WARN)))
        lines += [line("  " + clean_line(text)) for text in attempt.left_behind]
    return tuple(lines)


def _errors(errors: Sequence[str], issues: Sequence[Found]) -> list[Line]:
    """The last errors of the log, unless a known issue shows its line anyway."""
    if not errors or any(each.evidence for each in issues):
        return []
    return [
        line(("Last errors in its log:", Tone.WARN)),
        *(line(("  " + clean_line(each), Tone.CODE)) for each in errors),
    ]


def _watch(state: RunState, signals: Sequence[SignalSeen], keys: Keys) -> list[Line]:
    """How far the watch is, and what it says of each signal, those first that are not good."""
    said = standing(state)
    # The title above says how far it is: only what holds it up is worth a line of its own.
    lines: list[Line] = [] if progress(state)[0] == said else [line((clean_line(said), Tone.WARN))]
    order = (SignalVerdict.BAD, SignalVerdict.WARNING, SignalVerdict.UNKNOWN, SignalVerdict.GOOD)
    judged = [(each, each.judgement) for each in signals if each.judgement is not None]
    for seen, found in sorted(judged, key=lambda each: order.index(each[1].verdict)):
        lines.append(line((f"{seen.sign} {seen.word} ", tone_of(seen)), clean_line(judgement_words(found))))
    more = f"{keys.shown('monitor', 'm')} shows every signal with its chart."
    return [*lines, line((more, Tone.QUIET)), ()]


def _differences(state: RunState) -> list[Line]:
    """What was changed since the plan was made; nothing goes forward until it is put back."""
    lines: list[Line] = []
    for change in state.changed_files:
        lines.append(line(("Changed since the plan was made: ", Tone.BAD), clean_line(change.path)))
        lines += [line(("  " + text, Tone.CODE)) for text in clean(change.difference).splitlines()]
    return lines


def _evidence(state: RunState, step: StepState) -> Line:
    if step.probe_evidence:
        return line(("The probe saw: ", Tone.STRONG), clean_line(step.probe_evidence))
    if step.planned.probe is None:
        return line(("The runbook has no probe for it: look yourself before you answer.", Tone.WARN))
    if state.running is not None:
        return line(("Its probe is looking…", Tone.BUSY))
    return line(("Its probe could not look.", Tone.WARN))


def _what_runs(state: RunState, step: StepState, keys: Keys) -> tuple[Line, ...]:
    planned = step.planned
    if planned.kind is StepKind.ATTEST:
        who = "someone other than the operator" if planned.by == "someone-else" else "you"
        asked = clean_line(planned.statement or planned.title)
        answers = f"{keys.shown('yes', 'y')}/{keys.shown('no', 'n')}"
        return (line((f"For {who} to say ({answers}): ", Tone.STRONG), asked),)
    attempt: AttemptState | None = state.last_attempt(step.key)
    call = attempt.call if attempt is not None else planned.call
    if call is None:
        return ()
    word = "Runs" if attempt is None else ("Running" if attempt.is_running else "Ran")
    return call_lines(word, call)


def call_lines(word: str, call: PlannedCall) -> tuple[Line, ...]:
    """A task with its arguments, exactly; a text of several lines is shown as it is."""
    lines = [line((f"{word} ", Tone.STRONG), (clean_line(call.task), Tone.CODE))]
    for name, value in call.arguments.items():
        text = _exact(value)
        if "\n" not in text.strip():
            lines.append(line((f"  {clean_line(name)} = ", Tone.QUIET), (clean(text.strip()), Tone.CODE)))
            continue
        lines.append(line((f"  {clean_line(name)}:", Tone.QUIET)))
        lines += [line(("    " + part, Tone.CODE)) for part in clean(text).splitlines()]
    return tuple(lines)


def _exact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _gate(state: RunState, step: StepState) -> tuple[Line, ...]:
    lines: list[Line] = []
    for gate in step.planned.gate:
        name = clean_line(gate.check)
        aside = clean_line(state.plan.set_aside(gate))
        without = (f" (the target does without it: {aside})" if aside else "", Tone.WARN)
        if gate.check in step.waived:
            lines.append(
                line(
                    ("Gate ", Tone.STRONG),
                    (name, Tone.CODE),
                    (f" waived by {clean_line(step.waived[gate.check])}", Tone.WARN),
                )
            )
        elif gate.check in step.checks_passed or step.status is StepStatus.PASSED:
            lines.append(line(("Gate ", Tone.STRONG), (name, Tone.CODE), (" ✓ passed", Tone.GOOD), without))
        else:
            note = "" if gate.waivable else ", can't be waived"
            lines.append(
                line(
                    ("Gate ", Tone.STRONG),
                    (name, Tone.CODE),
                    (f" is checked first{note}", Tone.QUIET),
                    without,
                )
            )
    return tuple(lines)


def _way_back(state: RunState, step: StepState, keys: Keys) -> tuple[Line, ...]:
    planned = step.planned
    if step.undoes:
        return _other_way(state, step, keys)
    if (why := why_irreversible(step, state)) and not planned.only_looks:
        return (line(("Irreversible: ", Tone.WARN), clean_line(why)),)
    return (line(("Way back: ", Tone.STRONG), way_back(planned)),)


def _other_way(state: RunState, step: StepState, keys: Keys) -> tuple[Line, ...]:
    """What may be taken instead of a rollback's step, and the command that does it in a run of its own."""
    if step.planned.otherwise is None or step.status.is_done:
        return ()
    words = clean_line(if_it_fails(step.planned.otherwise, state))
    key = keys.shown("other_way", "o")
    return (line((f"If it fails ({key}): ", Tone.STRONG), words), *by_hand_lines(state))


def by_hand_lines(state: RunState) -> tuple[Line, ...]:
    """The exact commands of the other ways for which this run has what they need, such as its backup."""
    lines: list[Line] = []
    for way in ways_by_hand(state):
        lines.append(
            line((clean_line(way.title), Tone.STRONG), ", as a run of its own once this one is over:")
        )
        lines.append(line(("  " + clean_line(way.command), Tone.CODE)))
    return tuple(lines)


def way_back(planned: PlannedStep) -> str:
    """How a step is taken back, in a few words."""
    undo = planned.undo
    if planned.only_looks and undo is None:
        return "it changes nothing"
    if undo is None:
        return "none; the runbook names no undo"
    if undo.kind is UndoKind.TASK and undo.call is not None:
        otherwise = f"; if that fails: {clean_line(undo.otherwise.title)}" if undo.otherwise else ""
        return f"task {clean_line(undo.call.task)}{otherwise}"
    if undo.kind is UndoKind.RUNBOOK:
        return f"runbook {clean_line(undo.runbook or '')}"
    return f"none needed: {clean_line(undo.reason)}"
