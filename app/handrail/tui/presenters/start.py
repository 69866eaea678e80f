"""A run before it exists: its target, its parameters, its plan and exact commands."""

from __future__ import annotations

from collections.abc import Sequence

from handrail.clock import Instant
from handrail.configuration.actions import Keys
from handrail.errors import HandrailError
from handrail.project.calendar import Calendar
from handrail.project.model import Target
from handrail.run.plan import Plan, PlannedStep
from handrail.run.window import plan_outlook
from handrail.runbook.model import Parameter, Runbook, StepKind
from handrail.text import clean, clean_line
from handrail.tui.earlier import UsualRun
from handrail.tui.looking import GateLook
from handrail.tui.presenters.before import gate_of_step, takes_words
from handrail.tui.presenters.choosing import keys_that_fit
from handrail.tui.presenters.detail import call_lines, way_back
from handrail.tui.presenters.header import NARROW, target_parts
from handrail.tui.presenters.line import Line, Tone, line
from handrail.tui.presenters.prose import prose_lines
from handrail.tui.presenters.steps import StepRow, usual_words


def start_header(target: Target, runbook: Runbook) -> tuple[Line, Line]:
    """The target and the runbook; and that nothing runs yet."""
    first = line(*target_parts(target), " ", (clean_line(runbook.title), Tone.STRONG))
    where = f"  {clean_line(target.url)}" if target.url else ""
    return first, line((f" Nothing has been started.{where}", Tone.QUIET))


def parameter_label(name: str, parameter: Parameter, problem: str | None) -> Line:
    """A parameter's prompt, and what is wrong with its value."""
    choices = f" ({', '.join(parameter.choices)})" if parameter.choices else ""
    label = (f"{clean_line(parameter.prompt)}{clean_line(choices)}", Tone.STRONG)
    if problem:
        return line(label, (f"  ✗ {clean_line(problem)}", Tone.BAD))
    return line(label, ("  ✓", Tone.GOOD))


def plan_title(plan: Plan | None, usual: UsualRun | None, width: int) -> Line:
    """How many steps there are, and how long they take as a rule."""
    if plan is None:
        return line(("Plan", Tone.STRONG))
    return line(("Plan", Tone.STRONG), (f"  {takes_words(plan, usual, width - 8)}", Tone.QUIET))


def window_line(plan: Plan | None, now: Instant, calendar: Calendar | None, width: int) -> Line:
    """The deployment window, and whether the plan fits into what is left of it; empty without a window."""
    outlook = plan_outlook(plan, now, calendar) if plan is not None else None
    if outlook is None:
        return ()
    words = outlook.words if width >= NARROW else outlook.short[:1].upper() + outlook.short[1:]
    return line((clean_line(words), Tone.WARN if outlook.warns else Tone.QUIET))


def plan_rows(plan: Plan) -> tuple[StepRow, ...]:
    """The plan's steps by section, each with its usual duration."""
    rows: list[StepRow] = []
    section: str | None = None
    for step in plan.steps:
        if step.section != section:
            section = step.section
            rows.append(StepRow(None, "", clean_line(section), "", "", "", Tone.STRONG))
        person = step.kind is StepKind.ATTEST
        rows.append(
            StepRow(
                key=step.key,
                glyph="○" if person else "·",
                title=clean_line(step.title),
                word="you say" if person else "",
                took="",
                usually="" if person else usual_words(plan, step),
                tone=Tone.PLAIN,
            )
        )
    return tuple(rows)


def plan_detail(
    plan: Plan, step: PlannedStep, commands: list[str], looks: Sequence[GateLook] = ()
) -> tuple[Line, ...]:
    """What one step would do, exactly, and what its gate's checks say now."""
    lines: list[Line] = [line((clean_line(step.title), Tone.STRONG))]
    if step.statement:
        lines.append(line(("For a person to say: ", Tone.STRONG), clean_line(step.statement)))
    for command in commands:
        first, *rest = clean(command).removeprefix("$ ").splitlines() or [""]
        lines.append(line(("$ ", Tone.QUIET), (first, Tone.CODE)))
        lines += [line(("  " + text, Tone.CODE)) for text in rest]
    if step.call is not None:
        lines += call_lines("Task", step.call)
    for gate in step.gate:
        aside = clean_line(plan.set_aside(gate))
        why = (f" (the target does without it: {aside})" if aside else "", Tone.WARN)
        seen = gate_of_step(looks, step.key, gate.check)
        lines.append(line(("Gate ", Tone.STRONG), (clean_line(gate.check), Tone.CODE), seen, why))
    if step.on_failure is not None:
        lines.append(line((f"A failure starts the {step.on_failure.value} rollback countdown.", Tone.WARN)))
    if step.irreversible:
        lines.append(line(("Irreversible: ", Tone.WARN), clean_line(step.irreversible)))
    else:
        lines.append(line(("Way back: ", Tone.STRONG), way_back(step)))
    return (*lines, (), *prose_lines(step.prose))


def start_keys(width: int, keys: Keys, *, typing: bool, ready: bool) -> Line:
    """The keys that do something now."""
    offered: list[tuple[str, str]] = []
    if ready:
        offered.append((keys.shown("open_run_now" if typing else "open_run"), "Open run"))
    if typing:
        offered.append(("enter", "Next field" if width >= NARROW else "Next"))
        return keys_that_fit([*offered, ("tab", "Next pane")], ("esc", "Back"), width)
    offered.append((f"{keys.shown('down')} {keys.shown('up')}", "Steps"))
    if ready:
        offered.append((keys.shown("look_again"), "Look again"))
    offered += [("esc", "Back"), ("tab", "Next pane")]
    return keys_that_fit(offered, (keys.shown("help"), "Keys"), width)


def start_help(keys: Keys) -> tuple[Line, ...]:
    """Every key of the screen."""
    rows = [
        ("open_run", "open the run: it takes the target's lock, and starts no step yet"),
        ("open_run_now", "the same from within a field"),
        ("checks", "what each check of each gate says now"),
        ("look_again", "look at the checks again"),
        ("changes", "what was changed since the last run of this runbook"),
        ("down", "the next step of the plan"),
        ("up", "the step before"),
        ("leave", "back, or leave; nothing has been started"),
    ]
    return tuple(line((f" {keys.all_shown(name):<12} ", Tone.KEY), words) for name, words in rows)


def error_lines(error: HandrailError) -> tuple[Line, ...]:
    """An error for the screen: what happened first, and what to do now last."""
    first, *rest = [clean_line(text) for text in error.lines()]
    return (line((first, Tone.BAD)), *(line(text) for text in rest))
