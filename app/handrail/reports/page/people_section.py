"""Who did what in a run, and which rules were set aside, by whom and why."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.clock import Instant
from handrail.reports.page.document import Block, Cell, Code, Mark, Paragraph, Section, Table, Tone
from handrail.reports.page.source import RunSource
from handrail.reports.timeline import sentence
from handrail.run import commands as c
from handrail.run import events as e
from handrail.run.actors import Actor
from handrail.run.on_deadline import BY_ITSELF
from handrail.run.state import StepStatus

STARTS = {c.StartStep.__name__: "started", c.RetryStep.__name__: "tried again"}


@dataclass(slots=True)
class _Act:
    at: Instant
    text: str
    titles: list[str]


def people_section(source: RunSource) -> Section:
    """Each person with what they did, in the order in which they came."""
    people: dict[str, list[_Act]] = {}
    asked: tuple[str, Actor] | None = None
    for event, at in source.entries:
        if isinstance(event, e.CommandAccepted):
            asked = (event.command, event.issuer)
            continue
        if (person := _person(event)) is not None:
            asked = None
            said = sentence(event, source.state) or ""
            name = _name(person)
            text = said.removeprefix(f"{person.name} ").removeprefix(f"{person.name}: ")
            if isinstance(event, e.RunOpened):
                text = f"opened the run: {source.state.plan.title} on {source.state.plan.target.name}"
            elif isinstance(event, e.ControlChanged):
                text = f"took over, and drove the run from then on: {event.reason}"
            people.setdefault(name, []).append(_Act(at, text, []))
        elif asked is not None and asked[0] in STARTS:
            command, issuer = asked
            asked = None
            key = getattr(event, "step", None)
            if key is not None:
                _started(people.setdefault(_name(issuer), []), at, STARTS[command], source.title(key))
    sections = tuple(Section(name, (_acts(source, name, acts),)) for name, acts in people.items())
    count = f"{len(people)} {'person' if len(people) == 1 else 'people'} acted in this run."
    if _name(BY_ITSELF) in people:
        count = (
            f"{len(people) - 1} people acted in this run, and handrail once by itself, as the target asks."
        )
    return Section("Who did what", (Paragraph(count),), sections)


def _person(event: object) -> Actor | None:
    """The person whose own act an event is."""
    if isinstance(event, e.RunOpened | e.ControlChanged):
        return event.operator
    if isinstance(event, e.CommandRejected):
        return event.issuer
    by = getattr(event, "by", None)
    return by if isinstance(by, Actor) else None


def _name(actor: Actor) -> str:
    return "handrail, by itself" if actor.name == BY_ITSELF.name else actor.name


def _started(acts: list[_Act], at: Instant, word: str, title: str) -> None:
    """Steps that were started one after the other are one act: a run has many."""
    if acts and acts[-1].titles and acts[-1].text == word:
        acts[-1].titles.append(title)
    else:
        acts.append(_Act(at, word, [title]))


def _acts(source: RunSource, name: str, acts: list[_Act]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for act in acts:
        many = f" {len(act.titles)} steps" if len(act.titles) > 1 else ""
        titles = f"{many}: {', '.join(act.titles)}" if act.titles else ""
        rows.append((source.clock(act.at), f"{act.text}{titles}"))
    return Table(f"What {name} did, oldest first", ("UTC", "what"), tuple(rows))


def decisions_section(source: RunSource) -> Section:
    """Waivers, skipped rules and steps, and what the target does without: with who and why."""
    state = source.state
    skipped = state.plan.emergency.skipped if state.plan.emergency else {}
    rows: list[tuple[Cell, ...]] = []
    for step in state.steps.values():
        title = step.planned.title
        for gate in step.planned.gate:
            if aside := state.plan.set_aside(gate):
                rows.append((Mark("not asked"), Code(gate.check), title, "the target", aside))
        for check, said in step.waived.items():
            who, _, why = said.partition(": ")
            skips = check.partition(" ")[0] in skipped
            word = Mark("skipped" if skips else "waived", Tone.WARNING)
            rows.append((word, Code(check), title, who, why))
        if step.status in (StepStatus.SKIPPED, StepStatus.MARKED_DONE, StepStatus.REPLACED):
            rows.append((Mark(step.status.value, Tone.WARNING), "the whole step", title, step.by, step.why))
    blocks: list[Block] = [
        Table("Rules that did not hold this run", ("how", "check", "before", "who", "why"), tuple(rows))
        if rows
        else Paragraph("None: every check of every gate that was reached had to pass.")
    ]
    return Section("Waivers and what was left out", tuple(blocks))
