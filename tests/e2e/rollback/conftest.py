"""The sandbox's shop as it stands, and an operator at it; restarts are watched more shortly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from sandbox_fixture import Shop, open_shop, sandbox_session

__all__ = ["open_shop", "sandbox_session"]


@pytest.fixture
def desk(tmp_path: Path, open_shop: Shop) -> Iterator[Desk]:
    """An operator at the shop, with a project file and a journal of their own."""
    project = tmp_path / "project"
    project.mkdir()
    text = open_shop.sandbox.project_file.read_text()
    assert 'settle = "10s"' in text
    (project / "handrail.toml").write_text(text.replace('settle = "10s"', 'settle = "2s"'))
    desk = Desk(tmp_path, project)
    yield desk
    desk.end()
