"""A run as a report: what is handed to it, and the document that it becomes."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from handrail.clock import Instant
from handrail.reports.page.deadline_section import deadline_section
from handrail.reports.page.document import Document, Section, with_each_text
from handrail.reports.page.masking import Masking
from handrail.reports.page.overview import banner, closing_sections, in_short, overview, result
from handrail.reports.page.people_section import decisions_section, people_section
from handrail.reports.page.source import LogTail, RunSource
from handrail.reports.page.step_sections import steps_section
from handrail.reports.page.watch_section import watch_section
from handrail.run import events as e
from handrail.run.events import Event
from handrail.run.state import RunState


class RunReport(Struct, frozen=True):
    """All that a report is made from.

    `state` and `entries` (events with their times, oldest first) are as far as the journal's chain holds;
    `damage` says what is wrong after that. `tails` are the last lines of the attempts' logs, by the attempt's
    number. `unread_secrets` name those of the target's secrets that could not be read, and so not be masked.
    """

    state: RunState
    entries: tuple[tuple[Event, Instant], ...]
    now: Instant
    tails: Mapping[int, LogTail] = field(default_factory=dict)
    masking: Masking = field(default_factory=Masking)
    damage: tuple[str, ...] = ()
    unread_secrets: tuple[str, ...] = ()


def document(report: RunReport) -> Document:
    """The report's content, with every text cleaned and masked."""
    source = RunSource(
        state=report.state,
        entries=tuple((_without_secrets(event, report.masking), at) for event, at in report.entries),
        now=report.now,
        tails={number: tail.masked(report.masking.verbatim) for number, tail in report.tails.items()},
        masked=report.masking.value,
        damage=report.damage,
        unread_secrets=report.unread_secrets,
    )
    found: list[Section | None] = [
        overview(source),
        in_short(source),
        deadline_section(source),
        watch_section(source),
        people_section(source),
        decisions_section(source),
        steps_section(source),
        *closing_sections(source),
    ]
    made = Document(
        run=report.state.run,
        title=report.state.plan.title,
        banner=banner(source),
        result=result(source),
        sections=tuple(section for section in found if section is not None),
    )
    return with_each_text(made, report.masking.line, report.masking.verbatim)


def _without_secrets(event: Event, masking: Masking) -> Event:
    """An attempt's start with its arguments masked: a sentence cuts long ones, perhaps in a secret."""
    if isinstance(event, e.AttemptStarted):
        arguments = masking.value(event.call.arguments)
        return event.model_copy(update={"call": event.call.model_copy(update={"arguments": arguments})})
    return event
