"""A desk for each test, and the sandbox for those that need it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from e2e.faults.disk import SmallDisk, mounted
from sandbox_fixture import Shop, open_shop, sandbox, sandbox_session, shop

__all__ = ["open_shop", "sandbox", "sandbox_session", "shop"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project: one target, its checkout, and no application."""
    folder = tmp_path / "project"
    (folder / "checkout").mkdir(parents=True)
    (folder / "handrail.toml").write_text('[targets.staging]\ncheckout = "checkout"\n')
    return folder


@pytest.fixture
def desk(tmp_path: Path, project: Path) -> Iterator[Desk]:
    """An operator at the small project."""
    desk = Desk(tmp_path, project)
    yield desk
    desk.end()


@pytest.fixture
def shop_desk(tmp_path: Path, project: Path, open_shop: Shop) -> Iterator[Desk]:
    """An operator at the sandbox's shop, as it stands; its restarts are watched more shortly."""
    text = open_shop.sandbox.project_file.read_text()
    assert 'settle = "10s"' in text
    (project / "handrail.toml").write_text(text.replace('settle = "10s"', 'settle = "2s"'))
    desk = Desk(tmp_path, project)
    yield desk
    desk.end()


@pytest.fixture
def runbook(tmp_path: Path) -> Callable[[str], Path]:
    """Write a runbook from its Markdown."""

    def write(text: str) -> Path:
        path = tmp_path / "small.md"
        path.write_text(f"# Small\n\n## Steps\n{text}", encoding="utf-8")
        return path

    return write


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A filesystem of two megabytes, to be filled."""
    with mounted(tmp_path / "disk", megabytes=32) as disk:
        yield disk
