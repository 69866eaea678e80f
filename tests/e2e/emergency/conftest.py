"""The real screen in a real terminal, on the real sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from operating import Desk
from sandbox_fixture import Shop, open_shop, sandbox, sandbox_session, shop

__all__ = ["desk", "open_shop", "sandbox", "sandbox_session", "shop"]


@pytest.fixture
def desk(shop: Shop, tmp_path: Path) -> Iterator[Desk]:
    """An operator's desk at the freshly reset shop; whatever still runs at the end is ended."""
    desk = Desk(shop, tmp_path)
    yield desk
    desk.clear()
