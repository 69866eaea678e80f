"""The head of a report, the run in a few sentences, and what closes it: values, notes, timeline, digests."""

from __future__ import annotations

from handrail.reports.page.deadline_section import leading_trigger
from handrail.reports.page.document import (
    Block,
    Cell,
    Code,
    Facts,
    Mark,
    Paragraph,
    Points,
    Section,
    Table,
    Tone,
)
from handrail.reports.page.source import PHASE_TONES, RunSource, date_and_time, ended, lasted
from handrail.reports.timeline import timeline
from handrail.run.notices import undelivered
from handrail.run.other_way import left_as_it_is
from handrail.run.state import Phase, StepStatus
from handrail.signals.judgement import SignalVerdict
from handrail.text import MASK

WHAT = ("feature", "what", "incident")
"""The parameters in which runbooks ask what is being shipped."""

LONGEST_REASON = 240
"""In short; the step itself has all of it."""


def banner(source: RunSource) -> Mark:
    """The target, unmistakable where it is production."""
    target = source.state.plan.target
    return Mark(f"PRODUCTION: {target.name}", Tone.BAD) if target.production else Mark(target.name)


def result(source: RunSource) -> Mark:
    """How the run ended, or that it hasn't."""
    phase = source.state.phase
    text = f"still open: {phase.value}" if phase.is_open else phase.value
    return Mark(text, PHASE_TONES.get(phase, Tone.PLAIN))


def overview(source: RunSource) -> Section:
    """Which run this is: target, result, people, times; first of all what keeps it from being trusted."""
    state = source.state
    blocks: list[Block] = [
        Paragraph(
            f"THE JOURNAL OF THIS RUN IS DAMAGED: {what}. What follows is as it stood before.", Tone.BAD
        )
        for what in source.damage
    ]
    if state.foreign_events is not None:
        first, last = state.foreign_events
        words = f"The events {first} to {last} were not written by this run's engine."
        blocks.append(Paragraph(words, Tone.BAD))
    if state.phase.is_open:
        written = date_and_time(source.now)
        blocks.append(
            Paragraph(f"This run is still open. Written at {written}; more will follow.", Tone.WARNING)
        )
    emergency = state.plan.emergency
    if emergency is not None:
        words = f"Emergency {emergency.incident}. On call: {emergency.on_call}."
        skipped = "; ".join(f"{check} ({reason})" for check, reason in emergency.skipped.items())
        words += f" Rules that it skipped: {skipped}." if skipped else " No rule was skipped."
        blocks.append(Paragraph(words, Tone.WARNING))
    named = [getattr(event, "operator", None) for event, _ in source.entries]
    operators = dict.fromkeys([*(each.name for each in named if each is not None), state.operator.name])
    closed = date_and_time(state.closed) if state.closed else "still open"
    rows: list[tuple[str, Cell]] = [
        ("Target", banner(source).text),
        ("Result", result(source)),
        ("Operator" if len(operators) == 1 else "Operators", ", ".join(operators)),
        ("Opened", date_and_time(state.opened)),
        ("Closed", closed + (f" ({state.closed_why})" if state.closed_why else "")),
        ("Took", lasted(state.opened, source.end) + (" so far" if state.phase.is_open else "")),
        ("Runbook", Code(state.plan.runbook)),
        ("Run", Code(state.run)),
    ]
    return Section("This run", (*blocks, Facts(tuple(rows))))


def in_short(source: RunSource) -> Section:
    """What was shipped, how it ended, whether the deadline was met: for someone who wasn't there."""
    sentences = [*_shipped(source), *_ended(source), *_watched(source), *_decided(source)]
    blocks: list[Block] = [Paragraph(" ".join(sentences))]
    reckoning = leading_trigger(source)
    if reckoning is not None:
        blocks.append(Paragraph(reckoning.verdict.text, reckoning.verdict.tone))
    if state_left := left_as_it_is(source.state):
        blocks.append(Paragraph("Not brought back by the rollback:", Tone.WARNING))
        blocks.append(Points(tuple(f"{title}: {why}" for title, why in state_left)))
    if untold := undelivered(source.state):
        texts = tuple(f"{each.text} ({each.delivery.value})" for each in untold)
        blocks.append(Paragraph("What the team's channel has not surely got:", Tone.WARNING))
        blocks.append(Points(texts))
    return Section("In short", tuple(blocks))


def _shipped(source: RunSource) -> list[str]:
    state = source.state
    parameters, facts = source.masked(state.plan.parameters), source.masked(state.facts)
    what = next((str(parameters[name]) for name in WHAT if parameters.get(name)), "")
    ref = facts.get("ref") or parameters.get("ref") or parameters.get("tag")
    shipped = f"“{what}”" + (f" ({ref})" if ref else "") if what else str(ref or "")
    said = f"{state.plan.title} on {state.plan.target.name}"
    said += f", to ship {shipped}" if shipped else ""
    said += f", opened by {_opener(source)} at {source.clock(state.opened)} UTC."
    before = facts.get("previous_release")
    return [said] + ([f"Before, {before} was served."] if before else [])


def _opener(source: RunSource) -> str:
    opening = source.entries[0][0] if source.entries else None
    operator = getattr(opening, "operator", source.state.operator)
    return str(operator.name)


def _ended(source: RunSource) -> list[str]:
    state = source.state
    forward = state.forward_steps
    done = sum(step.status in (StepStatus.PASSED, StepStatus.MARKED_DONE) for step in forward)
    skipped = sum(step.status is StepStatus.SKIPPED for step in forward)
    said = f"{done} of its {len(forward)} steps were done"
    said += f", {skipped} left out." if skipped else "."
    sentences = [said]
    failed = [step for step in forward if step.status in (StepStatus.FAILED, StepStatus.IN_DOUBT)]
    for step in failed:
        why = str(source.masked(step.why))
        why = why if len(why) <= LONGEST_REASON else why[: LONGEST_REASON - 1] + "…"
        said = f"{step.planned.title} {step.status.value}{': ' if why else ''}{why}"
        sentences.append(ended(said))
    took = lasted(state.opened, source.end)
    match state.phase:
        case Phase.FINISHED:
            sentences.append(f"The run finished after {took}.")
        case Phase.ROLLED_BACK:
            sentences.append(f"The run was rolled back; it was over after {took}.")
        case Phase.ABORTED:
            sentences.append(
                f"The run was ended as it stood after {took}, and nothing was taken back by that."
            )
        case Phase.ROLLING_BACK:
            sentences.append("It is being rolled back.")
    return sentences


def _watched(source: RunSource) -> list[str]:
    watch = source.state.watch
    if watch.started is None:
        return []
    counts = dict.fromkeys(SignalVerdict, 0)
    for judged in watch.judgements.values():
        counts[judged.verdict] += 1
    parts = [f"{count} {verdict.value}" for verdict, count in counts.items() if count]
    seen = ", ".join(parts) or "none judged yet"
    until = watch.ended or source.now
    return [f"The release was watched for {lasted(watch.started, until)}; signals: {seen}."]


def _decided(source: RunSource) -> list[str]:
    emergency = source.state.plan.emergency
    skipped = emergency.skipped if emergency is not None else {}
    waived = sum(
        check.partition(" ")[0] not in skipped
        for step in source.state.steps.values()
        for check in step.waived
    )
    if not waived:
        return []
    return [f"{waived} {'check was' if waived == 1 else 'checks were'} waived."]


def closing_sections(source: RunSource) -> list[Section]:
    """Parameters, facts, notes, the whole timeline, the plan's files, and what was masked."""
    state = source.state
    sections: list[Section] = []
    if state.plan.parameters:
        rows = tuple((name, str(value)) for name, value in state.plan.parameters.items())
        sections.append(Section("Parameters", (Facts(rows),)))
    if state.facts:
        rows = tuple((name, str(value)) for name, value in state.facts.items())
        sections.append(Section("What the run found out", (Facts(rows),)))
    if state.notes:
        notes = tuple((source.clock(note.at), note.who, note.text) for note in state.notes)
        table = Table("Notes and decisions, oldest first", ("UTC", "who", "what"), notes)
        sections.append(Section("Notes", (table,)))
    lines = timeline(state.run, source.entries)
    rows_ = tuple((source.clock(line.at), line.text) for line in lines)
    sections.append(Section("Timeline", (Table("All that happened, oldest first", ("UTC", "what"), rows_),)))
    sections.append(_plan_section(source))
    sections.append(_masking_section(source))
    return sections


def _plan_section(source: RunSource) -> Section:
    blocks: list[Block] = [Paragraph("What the plan was made from, by the SHA-256 of each file.")]
    rows = tuple((Code(path), Code(digest)) for path, digest in source.state.plan.digests.items())
    if rows:
        blocks.append(Table("Files of the plan", ("file", "SHA-256"), rows, folded=True))
    else:
        blocks = [Paragraph("The plan names no file.")]
    for change in source.state.changed_files:
        blocks.append(Paragraph(f"Changed since the plan was made: {change.path}", Tone.WARNING))
    return Section("The plan's files", tuple(blocks))


def _masking_section(source: RunSource) -> Section:
    blocks: list[Block] = [
        Paragraph(
            f"Masked in this report ({MASK}) are the values of the secrets that the target names; user "
            "names and passwords inside addresses are left out. Environment variables are not part of it. "
            "What nobody named as a secret is not masked, such as a customer's data in a log: look through "
            "it before you pass it on."
        )
    ]
    if source.unread_secrets:
        names = ", ".join(source.unread_secrets)
        blocks.append(
            Paragraph(
                f"NOT masked, since their values could not be read when this was written: {names}.", Tone.BAD
            )
        )
    return Section("What is masked", tuple(blocks))
