"""What the shell offers at Tab: runs, runbooks and targets of where the operator stands."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from handrail.cli.surroundings import Surroundings

Found = TypeVar("Found")


def _here(context: click.Context) -> Surroundings:
    root = context.find_root()
    if isinstance(root.obj, Surroundings):
        return root.obj
    # While completing, click parses the words without calling the group itself.
    named = root.params
    return Surroundings(os.environ, named_project=named.get("project"), named_state=named.get("state"))


def _quietly(look: Callable[[], list[Found]]) -> list[Found]:
    try:
        return look()
    except Exception:  # noqa: BLE001  (a Tab must never print a traceback into the line being typed)
        return []


def complete_runs(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Ids of runs, newest first, with what they are."""

    def look() -> list[CompletionItem]:
        with _here(context).journal_to_read() as journal:
            heads = journal.runs(limit=200) if journal else []
        return [
            CompletionItem(head.run, help=f"{head.target}, {'closed' if head.closed else 'open'}")
            for head in heads
            if head.run.startswith(begun)
        ]

    return _quietly(look)


def complete_runbooks(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of runbooks, the project's first; Markdown files where a path is begun."""

    def look() -> list[CompletionItem]:
        from handrail.runbook.loader import runbook_names, shipped_runbooks  # noqa: PLC0415

        project = _here(context).project
        folders: list[Path] = [*(project.runbooks if project else ()), shipped_runbooks()]
        names = [name for name in runbook_names(folders) if name.startswith(begun)]
        return [CompletionItem(name) for name in names]

    return _quietly(look) or [CompletionItem(begun, type="file")]


def complete_targets(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The project's targets."""

    def look() -> list[CompletionItem]:
        project = _here(context).project
        return [
            CompletionItem(name) for name in (project.targets if project else ()) if name.startswith(begun)
        ]

    return _quietly(look)
