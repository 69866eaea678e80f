"""The post-mortems that emergencies owe: what the journal says, and what stands in the project's files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handrail.errors import Refused, StorageFault
from handrail.journal.base import Journal, JournalDamaged
from handrail.journal.chain import breaks_chain
from handrail.journal.session import RunFollower
from handrail.policy.postmortem import Owed
from handrail.reports import postmortem as report
from handrail.reports.timeline import timeline
from handrail.run.events import read_event
from handrail.run.plan import LOOKING
from handrail.run.state import RunState
from handrail.runbook import markdown
from handrail.runbook.model import StepKind
from handrail.runbook.yaml import read_tree
from handrail.sources import Unreadable, read_source
from handrail.text import mask

FOLDER = "postmortems"
MOST_RUNS = 10_000
GIT_SECONDS = 20.0


def emergencies(journal: Journal, target: str | None = None) -> list[RunState]:
    """The emergencies that are over and did something, newest first.

    Raises `JournalDamaged` where a run's opening, or anything of an emergency, was changed by hand: what it
    owes isn't known then.
    """
    found = []
    for record in journal.events_of_type(["RunOpened"], limit=MOST_RUNS):
        if damage := breaks_chain(record, 0, ""):
            raise JournalDamaged(record.run, [damage])
        plan = record.body.get("plan", {})
        if plan.get("emergency") is None or target not in (None, plan.get("target", {}).get("name")):
            continue
        follower = RunFollower(journal, record.run)
        if follower.damage:
            raise JournalDamaged(record.run, [follower.damage])
        state = follower.state
        if not state.phase.is_open and owes(state):
            found.append(state)
    return found


def owes(state: RunState) -> bool:
    """Whether a closed run must be written about: an emergency that did more than to look and to tell."""
    harmless = LOOKING | {StepKind.ANNOUNCE}
    return state.plan.emergency is not None and any(
        step.may_have_acted and step.planned.kind not in harmless for step in state.steps.values()
    )


def folder_of(state: RunState) -> Path:
    """Where the project keeps its post-mortems."""
    return Path(state.plan.project_root) / FOLDER


def file_of(state: RunState) -> Path | None:
    """The run's post-mortem, under whatever name it has by now; `None` where there is none."""
    try:
        paths = sorted(folder_of(state).glob("*.md"))
    except OSError:
        return None
    return next((path for path in paths if str(_front(path).get("run", "")) == state.run), None)


def _front(path: Path) -> dict[str, object]:
    """The front matter of a Markdown file; empty where it has none that can be read."""
    try:
        front = markdown.parse(read_source(path).text).front
    except Unreadable:
        return {}
    if front is None or not front.closed:
        return {}
    tree, _ = read_tree(front.text, file=path, first_line=front.line)
    return tree.data if tree is not None else {}


def owed(state: RunState) -> Owed:
    """What a closed emergency still owes."""
    emergency = state.plan.emergency
    path = file_of(state)
    closed = (state.closed or state.opened).datetime()
    incident = emergency.incident if emergency else state.run
    if path is None:
        return Owed(run=state.run, incident=incident, closed=closed)
    try:
        text = read_source(path).text
    except Unreadable:
        return Owed(run=state.run, incident=incident, closed=closed, file=str(path), done=None)
    return Owed(
        run=state.run,
        incident=incident,
        closed=closed,
        file=str(path),
        done=str(_front(path).get("status", "")).strip().lower() == "done",
        unwritten=report.unwritten(text),
    )


def write(journal: Journal, state: RunState, secrets: tuple[str, ...]) -> tuple[Path, bool]:
    """Write or refresh a run's post-mortem: its file, and whether it is new.

    What people wrote stays as it is. Raises `Refused` where the marks of the journal's part are gone, and
    `StorageFault` where the file can't be written.
    """
    events = [(read_event(record.body), record.at) for record in journal.read(state.run)]
    lines, changes = timeline(state.run, events), changes_of(state)
    path = file_of(state)
    try:
        if path is None:
            return _create(state, mask(report.render(state, lines, changes), secrets)), True
        text = path.read_text(encoding="utf-8")
        anew = report.refreshed(text, state, lines, changes)
        if anew is None:
            raise Refused(
                f"The marks around the journal's part are gone from {path}.",
                still_safe="the file is as it was: what people write is never overwritten.",
                next_step=f"put the lines {report.BEGIN} and {report.END} back where that part belongs.",
            )
        anew = mask(anew, secrets)
        if anew != text:
            with _whole(path, anew) as partial:
                partial.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        raise StorageFault(
            f"The post-mortem of run {state.run} can't be written: {error}.",
            still_safe="the journal has all of it.",
            next_step=f"give {folder_of(state)} room and rights, then: handrail postmortem {state.run}",
        ) from error
    return path, False


def _create(state: RunState, text: str) -> Path:
    folder = folder_of(state)
    folder.mkdir(parents=True, exist_ok=True)
    name = Path(report.file_name(state))
    with _whole(folder / name, text) as partial:
        for number in range(1, 1000):
            path = folder / (name.name if number == 1 else f"{name.stem}-{number}.md")
            if _named(partial, path):
                return path
    raise FileExistsError(f"{folder / name}: there are too many of that name")


def _named(partial: Path, path: Path) -> bool:
    """Let the written file be called `path`, unless there is one of that name."""
    try:
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError:
        # A file system without hard links: what is left is a look and a rename.
        if path.exists():
            return False
        partial.rename(path)
    return True


@contextmanager
def _whole(path: Path, text: str) -> Iterator[Path]:
    """A file beside `path` with all of `text` on the disk, so that nobody ever reads half a post-mortem."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def changes_of(state: RunState) -> report.Changes:
    """What was deployed against what was served before, by git in the project or in the target's checkout."""
    base = state.facts.get("hotfix_base_commit") or state.facts.get("previous_commit")
    head = state.facts.get("hotfix_commit") or state.facts.get("commit")
    if not _is_commit(base) or not _is_commit(head):
        return report.Changes(unknown="the run did not come so far as to say which commits")
    said = ""
    for folder in (Path(state.plan.project_root), state.plan.target.checkout):
        try:
            commits = _git(folder, "log", "--format=%h %cI %an: %s", f"{base}..{head}")
            files = _git(folder, "diff", "--name-status", f"{base}..{head}")
        except (OSError, subprocess.SubprocessError) as error:
            said = str(error)
            continue
        return report.Changes(tuple(commits), tuple(line.replace("\t", " ") for line in files))
    return report.Changes(unknown=f"git knows nothing of {base}..{head}: {said}")


def _is_commit(name: object) -> bool:
    return isinstance(name, str) and len(name) >= 40 and all(c in "0123456789abcdef" for c in name)


def _git(folder: Path, *arguments: str) -> list[str]:
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=GIT_SECONDS,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout.splitlines()
