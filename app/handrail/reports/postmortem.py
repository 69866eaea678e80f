"""The post-mortem of an emergency as Markdown: what the journal knows, and sections for people.

The journal's part stands between two marks and can be written anew at any time; everything outside
of them belongs to people, and is never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from handrail.clock import Instant
from handrail.policy.postmortem import DUE_AFTER
from handrail.reports.timeline import Line
from handrail.run.state import RunState, StepStatus
from handrail.text import clean_line, duration

BEGIN = "<!-- handrail: from the journal; `handrail postmortem` writes this part anew -->"
END = "<!-- handrail: end of the journal's part; everything else is yours -->"
TO_WRITE = "_To be written._"
FOR_PEOPLE = (
    ("Summary", "What happened, in three sentences, for someone who wasn't there."),
    ("Impact", "Who noticed, what they could not do, and for how long."),
    ("Root cause", "Why it happened; causes, not persons."),
    ("What went well", "What to keep."),
    ("What went badly", "And where people were lucky."),
    ("Actions", "What will be done so that it doesn't happen again, each with an owner and a date."),
)
MOST_FILES = 200


class Changes(Struct, frozen=True):
    """What the repaired release changed, by git; `unknown` says why it isn't known."""

    commits: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    unknown: str = ""


def slug(text: str) -> str:
    """Text as part of a file's name."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in text)
    return kept.strip(".-")[:80] or "incident"


def file_name(state: RunState) -> str:
    """The post-mortem's file: the day on which the run was opened (UTC), and the incident."""
    incident = state.plan.emergency.incident if state.plan.emergency else state.run
    return f"{state.opened.datetime():%Y-%m-%d}-{slug(incident)}.md"


def due(state: RunState) -> datetime:
    """When it is due: 24 hours after the run was closed."""
    return (state.closed or state.opened).datetime() + DUE_AFTER


def render(state: RunState, lines: Iterable[Line], changes: Changes) -> str:
    """A new post-mortem, whole: front matter, the journal's part, and the sections for people."""
    emergency = state.plan.emergency
    incident = emergency.incident if emergency else state.run
    front = [
        "---",
        f"run: {state.run}",
        f'incident: "{_quoted(incident)}"',
        f'target: "{_quoted(state.plan.target.name)}"',
        f"due: {due(state):%Y-%m-%dT%H:%M:%SZ}",
        "# `done` once every section below is written; until then the next ordinary deployment waits.",
        "status: open",
        "---",
    ]
    people = [part for title, hint in FOR_PEOPLE for part in (f"## {title}", f"{hint}", "", TO_WRITE, "")]
    head = [f"# Post-mortem: {_inline(incident)}", ""]
    return (
        "\n".join(
            [*front, *head, *people[:10], journal_part(state, lines, changes), "", *people[10:]]
        ).rstrip()
        + "\n"
    )


def refreshed(text: str, state: RunState, lines: Iterable[Line], changes: Changes) -> str | None:
    """`text` with the journal's part written anew, everything else as it was.

    `None` where its marks aren't there, once each and in order: then nobody but people may write in it.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or BEGIN in before or END in before or END in after:
        return None
    return f"{before}{journal_part(state, lines, changes)}{after}"


def unwritten(text: str) -> tuple[str, ...]:
    """The sections for people that nobody has written: missing, empty, or as they were made."""
    hints = dict(FOR_PEOPLE)
    found: dict[str, list[str]] = {}
    current: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
            current = []
        elif line.startswith("## ") and not inside:
            current = found.setdefault(line[3:].strip(), [])
        elif not inside:
            current.append(line.strip())
    return tuple(
        title
        for title, _ in FOR_PEOPLE
        if not any(line and line not in (hints[title], TO_WRITE) for line in found.get(title, []))
    )


def journal_part(state: RunState, lines: Iterable[Line], changes: Changes) -> str:
    """What the journal knows, between its two marks."""
    sections = (
        _facts(state),
        _rules(state),
        _changes(changes),
        _durations(state),
        ["### Timeline (UTC)", *(f"- {_at(line.at)} {_inline(line.text)}" for line in lines)],
    )
    body = [line for section in sections if section for line in (*section, "")]
    return "\n".join([BEGIN, "## From the journal", "", *body]).rstrip() + f"\n\n{END}"


def _facts(state: RunState) -> list[str]:
    emergency = state.plan.emergency
    closed = (
        f"{_at(state.closed)}, after {duration(state.closed.since(state.opened))}" if state.closed else "open"
    )
    why = f" ({state.closed_why})" if state.closed_why else ""
    rows = [
        ("Incident", emergency.incident if emergency else ""),
        ("On call", emergency.on_call if emergency else ""),
        ("Operator", state.operator.name),
        ("Target", state.plan.target.name),
        ("Run", f"{state.run} ({state.plan.title})"),
        ("Opened", _at(state.opened)),
        ("Closed", f"{closed}: {state.phase.value}{why}"),
        ("Was served", state.facts.get("previous_release")),
        ("Was deployed", state.facts.get("ref")),
    ]
    for trigger in state.triggers.values():
        late = "missed" if trigger.passed else "kept"
        ended = trigger.closed or "still open"
        rows.append((f"Trigger {trigger.number}", f"{trigger.because}; deadline {late}; {ended}"))
    return [f"- **{name}:** {_inline(str(value))}" for name, value in rows if value]


def _rules(state: RunState) -> list[str]:
    """Skipped rules, waivers, skipped steps and other decisions, each with who and why."""
    skipped = state.plan.emergency.skipped if state.plan.emergency else {}
    decided = [f"rule skipped: `{check}`: {_inline(reason)}" for check, reason in skipped.items()]
    for step in state.steps.values():
        title = _inline(step.planned.title)
        decided += [
            f"not asked before *{title}*, as the target says: `{gate.check}`: {_inline(aside)}"
            for gate in step.planned.gate
            if (aside := state.plan.set_aside(gate))
        ]
        decided += [
            f"waived before *{title}*: `{check}`: {_inline(said)}"
            for check, said in step.waived.items()
            if check.partition(" ")[0] not in skipped
        ]
        if step.status in (StepStatus.SKIPPED, StepStatus.MARKED_DONE, StepStatus.REPLACED):
            decided.append(f"*{title}* {step.status.value} by {step.by}: {_inline(step.why)}")
    decided += [f"{_inline(note.who)}: {_inline(note.text)}" for note in state.notes]
    return ["### Decisions", *(f"- {each}" for each in decided or ["none but to go through the steps"])]


def _changes(changes: Changes) -> list[str]:
    if changes.unknown:
        return ["### What changed", f"Not known: {_inline(changes.unknown)}"]
    more = len(changes.files) - MOST_FILES
    files = [f"  - `{_inline(each)}`" for each in changes.files[:MOST_FILES]]
    return [
        "### What changed",
        *(f"- {_inline(each)}" for each in changes.commits or ("no commit",)),
        f"- {len(changes.files)} files:",
        *files,
        *([f"  - and {more} more"] if more > 0 else []),
    ]


def _durations(state: RunState) -> list[str]:
    rows: list[Sequence[str]] = []
    for step in state.steps.values():
        if step.started is None or not (step.attempts or step.status.is_done):
            continue
        took = duration(step.ended.since(step.started)) if step.ended else "-"
        usual = state.plan.usual.get(step.key)
        before = f"{usual.median:.0f}s" if usual else "-"
        rows.append((_inline(step.planned.title), step.status.value, took, before, str(len(step.attempts))))
    table = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    head = ["| step | how it ended | took | usually | attempts |", "| --- | --- | --- | --- | --- |"]
    return ["### Durations", *head, *table] if rows else []


def _at(at: Instant) -> str:
    return at.datetime().astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _inline(text: str) -> str:
    """One harmless line of Markdown that can't end the journal's part."""
    return clean_line(text).replace("<!--", "&lt;!--").replace("-->", "--&gt;")


def _quoted(text: str) -> str:
    return clean_line(text).replace("\\", "\\\\").replace('"', '\\"')
