"""The locked lists: complete, hash-checked, and free of anything that names where they were made."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LISTS = {
    "runtime": PROJECT["project"]["dependencies"],
    "build": PROJECT["build-system"]["requires"],
    "sandbox": PROJECT["project"]["optional-dependencies"]["sandbox"],
    "node": PROJECT["project"]["optional-dependencies"]["node"],
    "dev": PROJECT["dependency-groups"]["dev"],
}


def pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", text, flags=re.MULTILINE))


def canonical(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]).lower()


@pytest.mark.parametrize("name", LISTS)
def test_everything_that_is_asked_for_is_pinned(name: str) -> None:
    assert {canonical(each) for each in LISTS[name]} <= set(pins(name))


@pytest.mark.parametrize("name", LISTS)
def test_every_pin_has_hashes_and_no_line_says_where_it_came_from(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9-]+==)", text)[1:]
    assert len(entries) == len(pins(name))
    assert all("--hash=sha256:" in entry for entry in entries)
    assert not re.search(r"://|--index|--find-links| @ |^-|/[a-z]+/", text, flags=re.MULTILINE)


def test_the_lists_agree_with_each_other() -> None:
    seen: dict[str, str] = {}
    for name in LISTS:
        for package, version in pins(name).items():
            assert seen.setdefault(package, version) == version, package
