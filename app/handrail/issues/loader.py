"""From Markdown files to a catalogue; a project's entry stands in for a shipped one of its name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from pydantic import ValidationError

from handrail.issues.model import Issue, IssueFront
from handrail.problems import Location, Problem, dotted, from_validation, in_order, one_of, quote
from handrail.runbook import markdown
from handrail.runbook.loader import shipped_runbooks
from handrail.runbook.parameters import pattern_fault
from handrail.runbook.yaml import Tree, read_tree
from handrail.sources import Unreadable, read_source

FOLDER = "issues"
MOST_ISSUES = 500
CAUSE, REMEDY = "cause", "what to do"


class Known(Struct, frozen=True):
    """What an entry may name: the runbooks, and the tasks by their full names."""

    runbooks: Collection[str]
    tasks: Collection[str]


def load(
    folders: Sequence[Path] = (), known: Known | None = None
) -> tuple[tuple[Issue, ...], tuple[Problem, ...]]:
    """The issues of `issues/` in these runbook folders and among the shipped ones, and what is wrong in them.

    An entry with a problem is left out: the catalogue helps, it must never stand in the way of a run. With
    `known`, an entry that names another runbook or task has a problem.
    """
    found: dict[str, Issue] = {}
    problems: list[Problem] = []
    for folder in (shipped_runbooks(), *reversed(folders)):
        for path in _files(folder / FOLDER):
            issue, wrong = read_issue(path, known)
            problems += wrong
            if issue is not None:
                found[issue.key] = issue
    return tuple(found[key] for key in sorted(found)[:MOST_ISSUES]), in_order(problems)


def _files(folder: Path) -> Iterable[Path]:
    try:
        return sorted(path for path in folder.glob("*.md") if path.is_file())
    except OSError:
        return ()


def read_issue(path: Path, known: Known | None = None) -> tuple[Issue | None, list[Problem]]:
    """One entry, or what is wrong with it, each with its line; `known` as for `load`."""
    try:
        document = markdown.parse(read_source(path).text)
    except Unreadable as error:
        return None, error.problems
    front = document.front
    if front is None or not front.closed:
        return None, [Problem(path, 1, "", "no front matter", "title and symptoms between lines of ---")]
    tree, problems = read_tree(front.text, file=path, first_line=front.line)
    if tree is None or problems:
        return None, problems
    try:
        said = IssueFront.model_validate(tree.data)
    except ValidationError as error:
        return None, from_validation(error, IssueFront, file=path, line_of=tree.line)
    sections = _sections(document)
    problems = [*_pattern_problems(path, tree, said), *_name_problems(path, tree, said, known)]
    for wanted in (CAUSE, REMEDY):
        if not sections.get(wanted):
            problems.append(Problem(path, document.start, "", f"no section {quote(wanted)}", f"## {wanted}"))
    if problems:
        return None, problems
    issue = Issue(key=path.stem, path=path, front=said, cause=sections[CAUSE], remedy=sections[REMEDY])
    return issue, []


def _name_problems(path: Path, tree: Tree, said: IssueFront, known: Known | None) -> Iterable[Problem]:
    if known is None:
        return
    if said.runbook is not None and said.runbook.removesuffix(".md") not in known.runbooks:
        found = f"the unknown runbook {quote(said.runbook)}"
        yield Problem(path, tree.line(("runbook",)), "runbook", found, one_of(said.runbook, known.runbooks))
    for number, pattern in enumerate(said.tasks):
        # A pattern may wait for tasks that a project has yet to write; a whole name is that of a task.
        if pattern and not set("*?[") & set(pattern) and pattern.replace("-", "_") not in known.tasks:
            at: Location = ("tasks", number)
            found = f"the unknown task {quote(pattern)}"
            yield Problem(path, tree.line(at), dotted(at), found, one_of(pattern, known.tasks))


def _sections(document: markdown.Document) -> dict[str, str]:
    """The text under each `##` heading, by its title in lower case."""
    headings = [heading for heading in document.headings if heading.level <= 2]
    ends = [*(heading.line for heading in headings[1:]), len(document.lines) + 1]
    return {
        heading.title.strip().lower(): "\n".join(document.lines[heading.end - 1 : end - 1]).strip()
        for heading, end in zip(headings, ends, strict=True)
    }


def _pattern_problems(path: Path, tree: Tree, said: IssueFront) -> Iterable[Problem]:
    patterns: list[tuple[Location, str]] = [(("named",), said.named)] if said.named else []
    for number, symptom in enumerate(said.symptoms):
        at: Location = ("symptoms", number)
        if symptom.log is not None:
            patterns.append(((*at, "log"), symptom.log))
        patterns += [((*at, "facts", name), pattern) for name, pattern in symptom.facts.items()]
    for place, pattern in patterns:
        if fault := pattern_fault(pattern):
            yield Problem(path, tree.line(place), dotted(place), quote(pattern), fault)
