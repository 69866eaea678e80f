"""A small project of quick tasks behind the real screen, and the sandbox's own deploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.screen.place import Place
from operating import Desk
from sandbox_fixture import Shop, open_shop, sandbox, sandbox_session, shop

__all__ = ["open_shop", "sandbox", "sandbox_session", "shop"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """The small project."""
    place = Place(tmp_path)
    yield place
    place.end()


@pytest.fixture
def shop_desk(open_shop: Shop, tmp_path: Path) -> Iterator[Desk]:
    """An operator's desk at the sandbox's shop, as it stands."""
    desk = Desk(open_shop, tmp_path)
    # The log's own key for a pager is among those pressed: it must come back by itself.
    desk.environment["PAGER"] = "cat"
    yield desk
    desk.clear()
