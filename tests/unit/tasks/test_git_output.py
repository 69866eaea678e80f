"""What git's porcelain output means."""

from __future__ import annotations

import pytest

from handrail.tasks.git_output import (
    Tag,
    is_ref_name,
    local_changes,
    local_tags,
    moved_tags,
    remote_tags,
    resolved,
)

A, B, C = "a" * 40, "b" * 40, "c" * 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (f"{A}\trefs/tags/v1\n", {"v1": Tag(A, A)}),
        (f"{A}\trefs/tags/v1\n{B}\trefs/tags/v1^{{}}\n", {"v1": Tag(A, B)}),
        (f"{A}\trefs/heads/main\n", {}),
        (f"warning: something\n{A}\trefs/tags/r/1\n", {"r/1": Tag(A, A)}),
    ],
)
def test_tags_of_the_remote(text: str, expected: dict[str, Tag]) -> None:
    assert remote_tags(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", {}), (f"v1 {A} ", {"v1": Tag(A, A)}), (f"v1 {A} {B}", {"v1": Tag(A, B)})],
)
def test_tags_here(text: str, expected: dict[str, Tag]) -> None:
    assert local_tags(text) == expected


@pytest.mark.parametrize(
    ("ours", "theirs", "moved"),
    [
        ({"v1": Tag(A, A)}, {"v1": Tag(A, A)}, []),
        ({"v1": Tag(A, A)}, {"v1": Tag(B, B)}, [f"v1: {A} here, {B} on the remote"]),
        ({"v1": Tag(A, A)}, {}, []),
        ({}, {"v1": Tag(A, A)}, []),
        ({"v1": Tag(A, C)}, {"v1": Tag(B, C)}, [f"v1: {C} here, {C} on the remote"]),
    ],
)
def test_a_moved_tag_is_named_with_both_commits(
    ours: dict[str, Tag], theirs: dict[str, Tag], moved: list[str]
) -> None:
    assert moved_tags(ours, theirs) == moved


@pytest.mark.parametrize(
    ("text", "tracked", "untracked"),
    [
        ("", (), ()),
        (" M app.js\0", (" M app.js",), ()),
        ("?? notes.txt\0", (), ("notes.txt",)),
        ("M  a b.js\0 D c.js\0?? d\0", ("M  a b.js", " D c.js"), ("d",)),
        ("R  new.js\0old.js\0 M x\0", ("R  old.js -> new.js", " M x"), ()),
        ("UU conflict.js\0", ("UU conflict.js",), ()),
    ],
)
def test_local_changes_are_told_from_untracked_files(
    text: str, tracked: tuple[str, ...], untracked: tuple[str, ...]
) -> None:
    changes = local_changes(text)
    assert (changes.tracked, changes.untracked) == (tracked, untracked)


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("v1.2.3", True),
        ("origin/main", True),
        ("HEAD~1", True),
        ("a1b2c3d", True),
        ("--upload-pack=evil", False),
        ("-f", False),
        ("a..b", False),
        ("a b", False),
        ("", False),
        ("v1\n", False),
        ("x" * 201, False),
    ],
)
def test_what_may_be_handed_to_git_as_a_name(name: str, good: bool) -> None:
    assert is_ref_name(name) is good


def test_an_annotated_tag_resolves_to_its_commit() -> None:
    assert resolved(f"refs/tags/v1 {A} {B}\nrefs/heads/main {C} \n") == {
        "refs/tags/v1": B,
        "refs/heads/main": C,
    }
