"""What git's porcelain output means; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TAG_FORMAT = "%(refname:strip=2) %(objectname) %(*objectname)"
_REF_NAME = re.compile(r"(?!-)[A-Za-z0-9_./+@{}^~-]{1,200}")


def is_ref_name(text: str) -> bool:
    """Whether a text may be handed to git as the name of a revision (never as an option)."""
    return _REF_NAME.fullmatch(text) is not None and ".." not in text


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag's own object and the commit that it leads to."""

    object: str
    commit: str


def remote_tags(text: str) -> dict[str, Tag]:
    """The tags in the output of `git ls-remote --tags`; `^{}` lines give an annotated tag's commit."""
    objects: dict[str, str] = {}
    commits: dict[str, str] = {}
    for line in text.splitlines():
        sha, _, name = line.partition("\t")
        if not name.startswith("refs/tags/"):
            continue
        name = name.removeprefix("refs/tags/")
        if name.endswith("^{}"):
            commits[name[:-3]] = sha
        else:
            objects[name] = sha
    return {name: Tag(sha, commits.get(name, sha)) for name, sha in objects.items()}


def local_tags(text: str) -> dict[str, Tag]:
    """The tags in the output of `git for-each-ref` with `TAG_FORMAT`."""
    tags = {}
    for line in text.splitlines():
        name, sha, *peeled = line.split()
        tags[name] = Tag(sha, peeled[0] if peeled else sha)
    return tags


def moved_tags(ours: Mapping[str, Tag], theirs: Mapping[str, Tag]) -> list[str]:
    """A line with both commits for each tag that is here and isn't the same there."""
    return [
        f"{name}: {tag.commit} here, {theirs[name].commit} on the remote"
        for name, tag in sorted(ours.items())
        if name in theirs and theirs[name].object != tag.object
    ]


@dataclass(frozen=True, slots=True)
class LocalChanges:
    """What `git status` found: changed tracked files with their two-letter state, and untracked ones."""

    tracked: tuple[str, ...]
    untracked: tuple[str, ...]


def local_changes(text: str) -> LocalChanges:
    """The changes in the output of `git status --porcelain=v1 -z`."""
    tracked, untracked = [], []
    entries = iter(text.split("\0"))
    for entry in entries:
        if len(entry) < 4:
            continue
        state, name = entry[:2], entry[3:]
        if state == "??":
            untracked.append(name)
            continue
        if "R" in state or "C" in state:
            # A rename's old name follows as an entry of its own.
            name = f"{next(entries, '')} -> {name}"
        tracked.append(f"{state} {name}")
    return LocalChanges(tuple(tracked), tuple(untracked))


def resolved(text: str) -> dict[str, str]:
    """Full reference name to commit, from `%(refname) %(objectname) %(*objectname)` lines."""
    return {parts[0]: parts[-1] for line in text.splitlines() if len(parts := line.split()) >= 2}


def change_size(text: str) -> tuple[int, int]:
    """Files and lines (added and removed) in the output of `git diff --numstat`; binary files have none."""
    files = lines = 0
    for line in text.splitlines():
        added, _, rest = line.partition("\t")
        removed, _, name = rest.partition("\t")
        if name:
            files += 1
            lines += sum(int(count) for count in (added, removed) if count.isdigit())
    return files, lines


def tag_of_release(tags: Sequence[str], version: str) -> str | None:
    """The one tag that is meant: the only one, or the one that is called like the version; else `None`."""
    if len(tags) == 1:
        return tags[0]
    named = [tag for tag in tags if version and tag.removeprefix("v") == version.removeprefix("v")]
    return named[0] if len(named) == 1 else None
