"""Runs and runbooks as rows: the loudest first, the words alone carrying the meaning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.journal.overview import EndedRun, LiveRun, Overview
from handrail.run.actors import Actor
from handrail.run.deadlines import Countdown, countdowns
from handrail.run.state import RunState, StepStatus
from handrail.runbook.model import StepKind
from handrail.text import clean_line, countdown, duration
from handrail.tui.choosing import RunbookChoice
from handrail.tui.presenters.header import NARROW, WIDE
from handrail.tui.presenters.line import Line, Part, Tone, line, shortened, text_of
from handrail.tui.presenters.steps import SIGNS

LIVE, RUNBOOK, ENDED = "live", "runbook", "ended"
HOW = {
    "RunFinished": ("✓", "finished", Tone.GOOD),
    "RunRolledBack": ("↶", "rolled back", Tone.WARN),
    "RunAborted": ("■", "aborted", Tone.BAD),
}
_URGENT = {StepStatus.IN_DOUBT: 2, StepStatus.FAILED: 3, StepStatus.HELD: 4}


class ChoiceRow(Struct, frozen=True):
    """One row. `key` is `None` for a heading or words; `right` gives way last on a narrow screen."""

    key: str | None
    left: Line
    right: Line = ()
    production: bool = False


def choice_rows(
    overview: Overview,
    runbooks: Sequence[RunbookChoice] | None,
    now: Instant,
    actor: Actor,
    width: int,
    wanted: str = "",
) -> tuple[ChoiceRow, ...]:
    """Live runs, runbooks, last runs, each under its heading; only what has all words of `wanted`.

    `runbooks` is `None` while they are being looked for.
    """
    words = wanted.lower().split()
    live = [
        _live_row(run, now, actor, width) for run in sorted(overview.live, key=lambda r: _loudness(r, now))
    ]
    books = [_runbook_row(choice, width) for choice in runbooks or ()]
    ended = [_ended_row(run, now, width) for run in overview.ended]
    rows: list[ChoiceRow] = []
    found_live = _fitting(live, words)
    found_books, found_ended = _fitting(books, words), _fitting(ended, words)
    if found_live or not words:
        rows += _section("Live runs", found_live, "none: no target is locked by a run")
    if found_books or not words:
        looking = "looking for them…" if runbooks is None else "none was found"
        rows += _section("Runbooks", found_books, looking)
    if found_ended or not words:
        rows += _section("Last runs", found_ended, "none yet")
        if overview.more and not words:
            rows.append(ChoiceRow(None, line(("    older ones: `handrail runs --limit 1000`", Tone.QUIET))))
    if words and not rows:
        rows.append(ChoiceRow(None, line((f"  Nothing here has {clean_line(wanted)!r}.", Tone.WARN))))
    return tuple(rows)


def _section(title: str, rows: Sequence[ChoiceRow], nothing: str) -> list[ChoiceRow]:
    heading = ChoiceRow(None, line((title, Tone.STRONG)))
    return [heading, *(rows or [ChoiceRow(None, line((f"    {nothing}", Tone.QUIET)))])]


def _fitting(rows: Iterable[ChoiceRow], words: Sequence[str]) -> list[ChoiceRow]:
    found = []
    for row in rows:
        text = f"{text_of(row.left)} {text_of(row.right)} {row.key or ''}".lower()
        if all(word in text for word in words):
            found.append(row)
    return found


def _loudness(run: LiveRun, now: Instant) -> tuple[int, float, float]:
    """What needs a person first: damage, the nearest safe start, doubt, failure, a question, the rest."""
    state = run.state
    if run.damage or state is None:
        return (0, 0.0, -run.opened.wall)
    if found := countdowns(state, now):
        return (1, found[0].to_last_safe.total_seconds(), -run.opened.wall)
    current = state.current
    if current is None:
        return (3, 0.0, -run.opened.wall)
    waits = current.planned.kind is StepKind.ATTEST and state.running is None
    rank = _URGENT.get(current.status, 5 if waits else 6 if state.running is None else 7)
    return (rank, 0.0, -run.opened.wall)


def _target(name: str, *, production: bool) -> Part:
    if not production:
        return (f" {name} ", Tone.STRONG)
    return (" PRODUCTION " if name.lower() == "production" else f" PRODUCTION · {name} ", Tone.PRODUCTION)


def _live_row(run: LiveRun, now: Instant, actor: Actor, width: int) -> ChoiceRow:
    key, name = f"{LIVE}:{run.run}", clean_line(run.target)
    if run.state is None:
        left = line("  ", ("✗ ", Tone.BAD), (name, Tone.STRONG), (f" {clean_line(run.damage)}", Tone.BAD))
        return ChoiceRow(key, left)
    state = run.state
    production = state.plan.target.production
    found = countdowns(state, now)
    glyph, what, tone = _doing(state)
    if run.damage or not run.holds_lock:
        what = run.damage or "its target was taken over by another run: abort it"
        glyph, tone = "✗", Tone.BAD
    since = _coarse(now.since(_since(state)))
    who = "you" if state.operator.is_same_person(actor) else clean_line(state.operator.name)
    left = line(
        "  ",
        (f"{glyph} ", tone),
        _target(name, production=production),
        f" {clean_line(what)}",
        (f"  {clean_line(state.plan.title)}", Tone.QUIET) if width >= NARROW else "",
    )
    due = _due(state, found[0], width) if found else ()
    right = (*due, *line((f"{who}, {since}" if width >= NARROW else since, Tone.QUIET)))
    return ChoiceRow(key, left, right, production)


def _doing(state: RunState) -> tuple[str, str, Tone]:
    """A live run's sign, and its step with what is to be said of it."""
    current = state.current
    if current is None:
        return "!", "every step is done; a trigger is open", Tone.WARN
    sign = SIGNS[current.status]
    title = current.planned.title
    if current.status is not StepStatus.PENDING:
        return sign.glyph, f"{sign.word}: {title}", sign.tone
    asks = current.planned.kind is StepKind.ATTEST
    return ("○", f"waits for an answer: {title}", Tone.WARN) if asks else ("·", f"next: {title}", Tone.PLAIN)


def _since(state: RunState) -> Instant:
    attempt = state.running
    if attempt is not None:
        return attempt.started or attempt.announced
    return state.last_event or state.opened


def _due(state: RunState, first: Countdown, width: int) -> tuple[Part, ...]:
    seconds = first.to_last_safe.total_seconds()
    if state.rollback_started is not None:
        words = f"rolling back, {countdown(first.to_deadline)} left"
        return ((words, Tone.BAD if seconds < 0 else Tone.WARN), ("  ", Tone.PLAIN))
    words = f"ROLL BACK {countdown(first.to_deadline)}"
    if width >= NARROW and seconds >= 0:
        words = f"ROLL BACK in {countdown(first.to_deadline)}, start in {countdown(first.to_last_safe)}"
    return ((f" {words} ", Tone.ALARM), ("  ", Tone.PLAIN))


def _coarse(value: timedelta) -> str:
    """A duration that changes once a minute, so that a list at rest costs the link nothing."""
    minutes = int(value.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02d}m" if hours < 48 else f"{hours // 24} days"


def _runbook_row(choice: RunbookChoice, width: int) -> ChoiceRow:
    key = f"{RUNBOOK}:{choice.path}"
    title = (clean_line(choice.title or choice.name), Tone.PLAIN)
    if choice.problem:
        left = line("  ", ("✗ ", Tone.BAD), title, (f"  {clean_line(choice.problem)}", Tone.BAD))
        return ChoiceRow(key, left)
    said = (f"  {clean_line(choice.description)}" if width >= NARROW else "", Tone.QUIET)
    left = line("  ", ("▸ ", Tone.QUIET), title, said)
    production = choice.target is not None and choice.target.production
    name = clean_line(choice.target_name)
    right = (_target(name, production=production),) if name else line(("no target of this name", Tone.QUIET))
    return ChoiceRow(key, left, right, production)


def _ended_row(run: EndedRun, now: Instant, width: int) -> ChoiceRow:
    glyph, how, tone = HOW.get(run.how, ("?", "closed", Tone.WARN))
    title = clean_line(run.title or run.run)
    took = f" after {duration(run.closed.since(run.opened))}" if run.closed else ""
    who = f", {clean_line(run.operator)}" if run.operator and width >= WIDE else ""
    when = when_words(run.closed or run.opened, now)
    left = line(
        "  ", (f"{glyph} ", tone), (f"{how:<12}", tone), title, (f"  {clean_line(run.target)}", Tone.QUIET)
    )
    right = line((f"{when}{took}{who}" if width >= NARROW else when, Tone.QUIET))
    return ChoiceRow(f"{ENDED}:{run.run}", left, right, run.production)


def when_words(at: Instant, now: Instant) -> str:
    """When something was: by the clock today, else with its date; local time, as `handrail runs` has it."""
    local, here = (datetime.fromtimestamp(each.wall, UTC).astimezone() for each in (at, now))
    if local.date() == here.date():
        return f"today {local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}" if local.year != here.year else f"{local:%m-%d %H:%M}"


def row_parts(row: ChoiceRow, width: int, *, selected: bool) -> Line:
    """A row fitted to `width`: what stands at the left gives way."""
    if row.key is None:
        return tuple((shortened(text, width), tone) for text, tone in row.left)
    right = row.right
    right_width = len(text_of(right))
    if right and right_width > width * 2 // 3:
        right, right_width = (), 0
    room = width - right_width - (2 if right else 1)
    kept: list[Part] = []
    for number, (text, tone) in enumerate(row.left):
        words = ("> " if selected else "  ") if number == 0 else text
        part = shortened(words, room)
        room -= len(part)
        kept.append((part, tone))
        if part != words:
            break
    return (*kept, (" " * (max(room, 0) + (1 if right else 0)), Tone.PLAIN), *right)


def choosing_keys(key: str | None, keys: Keys, width: int, *, filtering: bool) -> Line:
    """The keys that do something with what is chosen."""
    if filtering:
        return line(
            " ", ("enter", Tone.KEY), " Take  ", ("↓ ↑", Tone.KEY), " Rows  ", ("esc", Tone.KEY), " All"
        )
    kind = (key or "").partition(":")[0]
    opens = {LIVE: "Attach", RUNBOOK: "Open", ENDED: "What it came to"}.get(kind)
    offered = [(keys.shown("choose"), opens)] if opens else []
    if kind == LIVE:
        offered.append((keys.shown("watch"), "Watch"))
    offered.append((keys.shown("filter"), "Filter"))
    offered.append((keys.shown("leave"), "Leave"))
    offered.append((f"{keys.shown('down')} {keys.shown('up')}", "Rows"))
    return keys_that_fit(offered, (keys.shown("help"), "Keys"), width)


def keys_that_fit(offered: Iterable[tuple[str, str]], last: tuple[str, str], width: int) -> Line:
    """As many keys with their words as there is room for, the most wanted first; `last` is always there."""
    room = width - 2 - len(last[0]) - len(last[1])
    parts: list[str | Part] = [" "]
    for key, words in offered:
        if len(key) + len(words) + 3 <= room:
            room -= len(key) + len(words) + 3
            parts += [(key, Tone.KEY), f" {words}  "]
    return line(*parts, (last[0], Tone.KEY), f" {last[1]}")


def choosing_help(keys: Keys) -> tuple[Line, ...]:
    """Every key of the screen."""
    rows = [
        ("choose", "open the runbook, attach to the run, or see what it came to"),
        ("watch", "look on at the chosen live run, without acting"),
        ("filter", "list only what has these words; esc lists all again"),
        ("down", "the next row"),
        ("up", "the row before"),
        ("page_down", "further down"),
        ("page_up", "further up"),
        ("first", "the first row"),
        ("last", "the last row"),
        ("leave", "leave; every run goes on"),
    ]
    lines = [line((f" {keys.all_shown(name):<12} ", Tone.KEY), words) for name, words in rows]
    attach = "Attaching drives a run at once if it is yours and its screen has ended; else you watch."
    return (*lines, line((f" {'ctrl+p':<12} ", Tone.KEY), "palette with every action"), (), line(attach))
