"""From a Markdown file to a runbook: read, checked with everything it includes, all problems at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeVar

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from handrail.errors import WrongUsage
from handrail.problems import (
    Location,
    Problem,
    as_evidence,
    dotted,
    from_validation,
    in_order,
    one_of,
    quote,
    suggestion,
)
from handrail.runbook import markdown, parameters
from handrail.runbook.checks import BlockChecks, value_at
from handrail.runbook.markdown import CodeFence, Document
from handrail.runbook.model import (
    ACTIONS,
    FrontMatter,
    Parameter,
    Runbook,
    Section,
    Step,
    StepBlock,
    StepKind,
)
from handrail.runbook.steps import OutlinedStep, outline
from handrail.runbook.yaml import Tree, read_tree
from handrail.sources import Unreadable, is_there, read_source

DEEPEST_INCLUDE = 8
MOST_STEPS = 1_000
Model = TypeVar("Model", bound=BaseModel)


class RunbookInvalid(WrongUsage):
    """A runbook, or one that it includes, must be corrected; `problems` has all that is wrong."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = in_order(problems)
        count = len(self.problems)
        super().__init__(
            f"The runbook {path} has {count} problem{'s' if count != 1 else ''}.",
            evidence=as_evidence(self.problems),
            still_safe="nothing was started.",
            next_step="correct the lines above, then try again.",
        )


def shipped_runbooks() -> Path:
    """The folder of the runbooks that come with handrail: in an installed wheel, or the source tree."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "shipped" / "runbooks"
    return installed if installed.is_dir() else package.parents[1] / "runbooks"


def load(
    path_or_name: Path | str, *, search: Sequence[Path] = (), known_tasks: Collection[str] | None = None
) -> Runbook:
    """The runbook at a path, or of that name in `search` and then among the shipped ones.

    With `known_tasks`, a step that names another task is a problem; `-` and `_` are the same in it.
    Raises `RunbookInvalid` with every problem of the file and of those it includes, `WrongUsage`
    where there is no such runbook.
    """
    folders = (*search, shipped_runbooks())
    path = _as_file(path_or_name) or find_by_name(str(path_or_name), folders)
    if path is None:
        names = runbook_names(folders)
        raise WrongUsage(
            f"There is no runbook {quote(str(path_or_name))}{suggestion(str(path_or_name), names)}",
            still_safe="nothing was started.",
            next_step=f"name a file, or one of: {', '.join(names) or 'none was found'}.",
        )
    loading = _Loading(folders, known_tasks)
    loaded = loading.open(path, ())
    if loading.problems or loaded is None:
        raise RunbookInvalid(path, loading.problems)
    return loaded.runbook


def runbook_names(folders: Sequence[Path]) -> list[str]:
    """The names of the runbooks in these folders, without `.md`."""
    found = set()
    for folder in folders:
        try:
            found |= {path.stem for path in folder.glob("*.md") if path.is_file()}
        except OSError:
            continue
    return sorted(found)


def find_by_name(name: str, folders: Sequence[Path]) -> Path | None:
    """The file of a runbook's name in the first folder that has it; names never leave the folders."""
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or len(name) > 200 or name.startswith("/") or ".." in parts:
        return None
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.md"):
            if candidate.suffix == ".md" and is_there(candidate):
                return candidate
    return None


def _as_file(path_or_name: Path | str) -> Path | None:
    path = Path(path_or_name)
    # A bare word is a name, even where a file called so, a script perhaps, lies in the current folder.
    word = isinstance(path_or_name, str) and path_or_name == path.name and not path.suffix
    named_as_path = isinstance(path_or_name, Path) or path.is_absolute() or (not word and is_there(path))
    return path if named_as_path else None


class _Loaded(Struct, frozen=True):
    """A runbook with how deep its includes go, and how many steps they come to."""

    runbook: Runbook
    height: int
    steps: int


@dataclass
class _Loading:
    """One call of `load`: the problems so far, and the runbooks that were opened."""

    folders: Sequence[Path]
    known_tasks: Collection[str] | None
    problems: list[Problem] = field(default_factory=list)
    opened: dict[Path, _Loaded | None] = field(default_factory=dict)

    def open(self, path: Path, including: tuple[Path, ...]) -> _Loaded | None:
        """Read one runbook with all that it includes; `None` where it can't be made."""
        identity = path.resolve()
        if identity not in self.opened:
            self.opened[identity] = _File(self, path, (*including, identity)).load()
        return self.opened[identity]


class _File:
    """One file being loaded."""

    def __init__(self, loading: _Loading, path: Path, stack: tuple[Path, ...]) -> None:
        self._loading = loading
        self._path = path
        self._stack = stack
        self._height = 0
        self._steps = 0
        self._failed = False

    def _problem(self, line: int, name: str, found: str, expected: str) -> None:
        self._add([Problem(self._path, line, name, found, expected)])

    def _add(self, problems: Sequence[Problem]) -> None:
        self._failed = self._failed or bool(problems)
        self._loading.problems += problems

    def load(self) -> _Loaded | None:
        try:
            source = read_source(self._path)
        except Unreadable as error:
            self._add(error.problems)
            return None
        document = markdown.parse(source.text)
        front = self._front_matter(document)
        outlined, problems = outline(document, self._path)
        self._add(problems)
        if (count := sum(len(section.steps) for section in outlined.sections)) > MOST_STEPS:
            self._problem(1, "", f"{count:,} steps", f"at most {MOST_STEPS:,}")
            return None
        made = tuple((section, [self._step(step) for step in section.steps]) for section in outlined.sections)
        self._steps += count
        if not count:
            self._problem(
                document.start, "", "a document without a step", "a heading, and what is to be done"
            )
        if self._steps > MOST_STEPS:
            found = f"{self._steps:,} steps with the included runbooks"
            self._problem(1, "", found, f"at most {MOST_STEPS:,}")
        lost = [
            step for section, steps in made for step, one in zip(section.steps, steps, strict=True) if not one
        ]
        if lost and not self._failed:
            # Whatever the checks may miss: a runbook never opens with a step less than it has.
            line = lost[0].block.line if lost[0].block else lost[0].line
            self._problem(line, "", "a step block that can't be understood", "the fields of a step")
        if self._failed or front is None:
            return None
        sections = tuple(
            Section(
                title=section.title,
                prose=section.prose,
                line=section.line,
                steps=tuple(step for step in steps if step is not None),
            )
            for section, steps in made
        )
        runbook = Runbook(
            path=self._path,
            digest=source.digest,
            text=source.text,
            title=front.title or outlined.title,
            introduction=outlined.introduction,
            front_matter=front,
            sections=sections,
        )
        return _Loaded(runbook, self._height, self._steps)

    def _front_matter(self, document: Document) -> FrontMatter | None:
        self._parameters: Collection[str] = ()
        if document.front is None:
            return FrontMatter()
        if not document.front.closed:
            self._problem(1, "", "front matter that is never closed", "a line of --- after it")
            return None
        tree, problems = read_tree(document.front.text, file=self._path, first_line=document.front.line)
        self._add(problems)
        if tree is None:
            return None
        named = tree.data.get("parameters")
        self._parameters = tuple(named) if isinstance(named, dict) else ()
        front = self._validated(FrontMatter, tree)
        self._check_defaults(tree)
        return front

    def _check_defaults(self, tree: Tree) -> None:
        """On the plain data, so that a mistake elsewhere in the front matter hides none of these."""
        for name in self._parameters:
            at: Location = ("parameters", name)
            pattern = value_at(tree.data, (*at, "pattern"))
            default = value_at(tree.data, (*at, "default"))
            choices = value_at(tree.data, (*at, "choices"))
            pattern = pattern if isinstance(pattern, str) else None
            if pattern is not None and (fault := parameters.pattern_fault(pattern)):
                place: Location = (*at, "pattern")
                self._problem(tree.line(place), dotted(place), quote(pattern), fault)
                pattern = None
            if isinstance(default, str):
                listed = choices if isinstance(choices, list) else ()
                fitting = Parameter(
                    prompt="",
                    pattern=pattern,
                    choices=tuple(choice for choice in listed if isinstance(choice, str)),
                )
                if fault := parameters.value_fault(fitting, default):
                    place = (*at, "default")
                    self._problem(tree.line(place), dotted(place), quote(default), fault)

    def _validated(self, model: type[Model], tree: Tree) -> Model | None:
        try:
            return model.model_validate(tree.data)
        except ValidationError as error:
            found = from_validation(error, model, file=self._path, line_of=tree.line)
        # What a model says of itself as a whole, the checks say with the line of the key.
        self._add([problem for problem in found if problem.field])
        return None

    def _step(self, step: OutlinedStep) -> Step | None:
        """The step of an outline; `None` where its block is wrong."""
        if step.block is None:
            return self._plain_step(step)
        line = step.block.line
        tree, problems = read_tree(step.block.text, file=self._path, first_line=line + 1)
        self._add(problems)
        if tree is None:
            return None
        block = self._validated(StepBlock, tree)
        self._add(list(BlockChecks(tree, self._path, self._parameters, self._loading.known_tasks).problems()))
        included = self._include(tree, ("runbook",), ("with",))
        undo_runbook = self._include(tree, ("undo", "runbook"), ("undo", "with"))
        other_way = self._include(tree, ("undo", "otherwise", "runbook"), ("undo", "otherwise", "with"))
        if block is None:
            return None
        kind = self._kind(step, block, step.block)
        if kind is None:
            return None
        return Step(
            key=step.key,
            title=step.title,
            prose=step.prose,
            line=step.line,
            kind=kind,
            block=block,
            block_line=line,
            script=step.fences[0].text if kind is StepKind.FENCE else None,
            included=included,
            undo_runbook=undo_runbook,
            other_way=other_way,
        )

    def _plain_step(self, step: OutlinedStep) -> Step:
        """A step that no machine was told about: its fence is run, or a person attests it."""
        fence = step.fences[0] if step.fences else None
        return Step(
            key=step.key,
            title=step.title,
            prose=step.prose,
            line=step.line,
            kind=StepKind.FENCE if fence else StepKind.ATTEST,
            block=StepBlock.model_validate({} if fence else {"attest": f"{step.title}: done as described."}),
            script=fence.text if fence else None,
        )

    def _kind(self, step: OutlinedStep, block: StepBlock, at: CodeFence) -> StepKind | None:
        if block.action is not None:
            for fence in step.fences:
                found = f"a {fence.language} fence beside the step block's {block.action}"
                self._problem(fence.line, "", found, "one of the two; show commands in a fence of 'text'")
            return StepKind(block.action)
        if len(step.fences) == 1:
            return StepKind.FENCE
        if step.fences:
            found = f"{len(step.fences)} shell fences for one step block"
            self._problem(step.fences[1].line, "", found, "one fence, or a step for each")
        else:
            expected = f"one of {', '.join(ACTIONS[:-1])} or {ACTIONS[-1]}, or a bash fence in the step"
            self._problem(at.line, "", "a step block without an action", expected)
        return None

    def _include(self, tree: Tree, at: Location, arguments_at: Location) -> Runbook | None:
        name = value_at(tree.data, at)
        if not isinstance(name, str):
            return None
        line, shown = tree.line(at), dotted(at)
        folders = (*self._loading.folders, self._path.parent)
        path = find_by_name(name, folders)
        if path is None:
            expected = one_of(name, runbook_names(folders))
            self._problem(line, shown, f"the unknown runbook {quote(name)}", expected)
            return None
        if (identity := path.resolve()) in self._stack:
            circle = [each.name for each in (*self._stack[self._stack.index(identity) :], identity)]
            found = f"a circle of runbooks ({' → '.join(circle)})"
            self._problem(line, shown, found, "a runbook that doesn't include this one")
            return None
        loaded = None
        if len(self._stack) < DEEPEST_INCLUDE:
            loaded = self._loading.open(path, self._stack)
        height = 1 + (loaded.height if loaded else 0)
        if len(self._stack) + height > DEEPEST_INCLUDE:
            found = f"runbooks in runbooks more than {DEEPEST_INCLUDE} deep"
            self._problem(line, shown, found, f"at most {DEEPEST_INCLUDE}")
            return None
        if loaded is None:
            self._failed = True
            return None
        self._height = max(self._height, height)
        self._steps += loaded.steps
        self._check_given(tree, arguments_at, loaded.runbook)
        return loaded.runbook

    def _check_given(self, tree: Tree, at: Location, included: Runbook) -> None:
        given = value_at(tree.data, at)
        known = included.front_matter.parameters
        for name, value in given.items() if isinstance(given, dict) else ():
            place: Location = (*at, name)
            if name not in known:
                found = f"a parameter that {included.path.name} doesn't have"
                self._problem(tree.line(place), dotted(place), found, one_of(name, known))
            elif (
                isinstance(value, str)
                and "${" not in value
                and (fault := parameters.value_fault(known[name], value))
            ):
                self._problem(tree.line(place), dotted(place), quote(value), fault)
