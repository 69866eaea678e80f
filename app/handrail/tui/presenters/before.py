"""Before a run: which gates pass now, what was changed since the last run, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.run.duration import plan_duration
from handrail.run.plan import Plan
from handrail.text import clean, clean_line, duration
from handrail.tui.earlier import LastRun, UsualRun
from handrail.tui.looking import GateLook, Look
from handrail.tui.presenters.choosing import when_words
from handrail.tui.presenters.header import NARROW
from handrail.tui.presenters.line import Line, Part, Tone, line

HOW = {"RunFinished": "finished", "RunRolledBack": "rolled back", "RunAborted": "aborted", "": "still open"}
A_LOOK = "A look, not the gate: each check is asked again when its step begins, and that answer counts."


def gates_line(looks: Sequence[GateLook], now: Instant, keys: Keys, width: int) -> Line:
    """How many checks would pass now, and how old that is; empty where the plan has no gate."""
    if not looks:
        return ()
    seen = [each for each in looks if each.look is Look.SEEN]
    under_way = sum(each.look in (Look.WAITING, Look.LOOKING) for each in looks)
    left = sum(each.look is Look.LEFT for each in looks)
    passing = sum(each.verdict == "pass" for each in seen)
    not_yet = sum(each.verdict != "pass" and each.later for each in seen)
    failing = len(seen) - passing - not_yet
    narrow = width < NARROW
    counts: list[Part] = []
    if under_way:
        counts.append(("looking…" if narrow else f"looking at {under_way}…", Tone.BUSY))
    if passing:
        counts.append((f"✓ {passing}{'' if narrow else ' pass'}", Tone.GOOD))
    if failing:
        counts.append((f"✗ {failing} {'hold' if narrow else 'would hold'}", Tone.BAD))
    if not_yet:
        counts.append((f"· {not_yet}{'' if narrow else ' not now'}", Tone.WARN))
    if left and not under_way:
        counts.append((f"{left} in the run", Tone.QUIET))
    parts: list[str | Part] = [("Gates: " if narrow else "Gates now: ", Tone.STRONG)]
    for number, part in enumerate(counts):
        parts += [", " if number else "", part]
    if not narrow:
        oldest = min((each.seen for each in seen if each.seen is not None), key=_wall, default=None)
        age = f"  {_age(now, oldest)}" if oldest is not None and not under_way else ""
        parts += [(age, Tone.QUIET), "  ", (keys.shown("checks"), Tone.KEY), " Checks"]
    return line(*parts)


def _wall(at: Instant) -> float:
    return at.wall


def _age(now: Instant, at: Instant) -> str:
    seconds = now.since(at).total_seconds()
    if seconds < 60:
        return "seen just now"
    minutes = int(seconds // 60)
    return f"seen {minutes}m ago" if minutes < 60 else f"seen {minutes // 60}h ago"


def gates_lines(looks: Sequence[GateLook], now: Instant) -> tuple[Line, ...]:
    """Each check by its step, with what it saw and how old that is."""
    if not looks:
        return (line("No step of this runbook has a gate."),)
    lines: list[Line] = [line((A_LOOK, Tone.QUIET))]
    step = ""
    for each in looks:
        if each.step != step:
            step = each.step
            after = "  after steps that change things" if each.later else ""
            lines += [(), line((clean_line(each.title), Tone.STRONG), (after, Tone.QUIET))]
        lines += _one_gate(each, now)
    return tuple(lines)


def _one_gate(each: GateLook, now: Instant) -> list[Line]:
    glyph, word, tone = _standing(each)
    age = f"  {_age(now, each.seen)}" if each.seen is not None else ""
    first = line(
        ("  ", Tone.PLAIN), (f"{glyph} {clean_line(each.check)}", tone), f"  {word}", (age, Tone.QUIET)
    )
    said = each.why or each.evidence
    return [
        first,
        *(line((f"      {text}", Tone.PLAIN)) for text in clean(said).splitlines()[:8] if text.strip()),
    ]


def _standing(each: GateLook) -> tuple[str, str, Tone]:
    if each.look is Look.LEFT:
        return "·", "is asked in the run", Tone.QUIET
    if each.look is Look.LOOKING:
        return "◇", "looking…", Tone.BUSY
    if each.look is Look.WAITING:
        return "◇", "waits for the look", Tone.BUSY
    if each.verdict == "pass":
        return "✓", "passes now", Tone.GOOD
    if each.later:
        return "·", "would not pass now; steps come before it", Tone.WARN
    word = "would hold the step" if each.verdict == "fail" else "can't be told, which holds the step"
    return "✗", word, Tone.BAD


def gate_of_step(looks: Sequence[GateLook], step: str, check: str) -> Part:
    """What the look says of one check, beside its name."""
    found = next((each for each in looks if each.step == step and each.check == check), None)
    if found is None:
        return ("", Tone.PLAIN)
    glyph, word, tone = _standing(found)
    return (f" {glyph} {word}", tone)


def changes_line(last: LastRun | None, now: Instant, keys: Keys, width: int) -> Line:
    """Whether the runbook is what it was at its last run."""
    if last is None:
        return line(("Last run: ", Tone.STRONG), ("none of this runbook yet", Tone.QUIET))
    where = "" if last.same_target else f" on {clean_line(last.target)}"
    how = HOW.get(last.how, "closed")
    said: Part = ("nothing was changed since", Tone.QUIET)
    if last.changed:
        count = len(last.changed)
        said = (f"{count} file{'s' if count > 1 else ''} changed since", Tone.WARN)
    words = f"{when_words(last.opened, now)}{where}, {how}; "
    if width < NARROW:
        return line(("Last run: ", Tone.STRONG), said)
    key: tuple[str | Part, ...] = (
        ("  ", (keys.shown("changes"), Tone.KEY), " Differences") if last.changed else ()
    )
    return line(("Last run: ", Tone.STRONG), (words, Tone.QUIET), said, *key)


def changes_lines(last: LastRun | None) -> tuple[Line, ...]:
    """The differences, file by file."""
    if last is None:
        return (line("This runbook has no earlier run here: there is nothing to compare with."),)
    lines: list[Line] = [
        line((f"Since the run {clean_line(last.run)} on {clean_line(last.target)}.", Tone.QUIET)),
    ]
    if not last.changed:
        lines += [
            (),
            line(("The runbook, all that it includes, and its tasks are what they were.", Tone.GOOD)),
        ]
    for each in last.changed:
        lines += [(), line((clean_line(each.path), Tone.STRONG))]
        for text in each.lines:
            tone = {"+": Tone.GOOD, "-": Tone.BAD, "@": Tone.BUSY}.get(text[:1], Tone.PLAIN)
            lines.append(line((f"  {clean(text)}", tone)))
    return tuple(lines)


def takes_words(plan: Plan, usual: UsualRun | None, room: int) -> str:
    """How long the run takes: its work with the spread of earlier runs, its watch, its rollback.

    Said in full where that fits into `room`, else in fewer words.
    """
    takes = plan_duration(plan)
    watch = f", {_rounded(takes.watch)} watch" if takes.watch else ""
    back = f", rollback {'' if takes.measured else '~'}{duration(takes.rollback)}" if takes.rollback else ""
    steps = f"{len(plan.steps)} steps, "
    if usual is None:
        work = f"{'usually' if takes.forward_measured else 'about'} {duration(takes.work)}"
        estimated = "" if takes.forward_measured else ", estimated"
        variants = [f"{steps}{work} of work{estimated}{watch}{back}", f"{work}{estimated}{watch}{back}", work]
    else:
        runs = f"{usual.count} run{'s' if usual.count > 1 else ''}"
        spread = f"{duration(usual.shortest)} to {duration(usual.longest)}, " if usual.count > 1 else ""
        work = f"usually {duration(usual.median)}"
        variants = [
            f"{steps}{work} of work ({spread}{runs}){watch}{back}",
            f"{work} ({spread}{runs}){watch}{back}",
            f"{work} ({runs}){watch}{back}",
            f"{work} ({runs})",
        ]
    return next((words for words in variants if len(words) <= room), variants[-1])


def _rounded(value: timedelta) -> str:
    return duration(value).removesuffix(" 00s")
