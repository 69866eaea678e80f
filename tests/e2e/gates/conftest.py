"""A project behind one gate, on the sandbox's shop as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.faults.desk import Desk
from e2e.gates.bench import Bench
from e2e.gates.table import Place
from sandbox_fixture import Shop, open_shop, sandbox_session

__all__ = ["open_shop", "sandbox_session"]


@pytest.fixture
def bench(tmp_path: Path, open_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """An operator before a run whose one acting step is behind a gate."""
    place = Place(tmp_path, open_shop, setenv=monkeypatch.setenv)
    for folder in (place.project, place.checkout):
        folder.mkdir()
    bench = Bench(place, Desk(tmp_path, place.project))
    yield bench
    bench.end()
