"""A part of the screen that changed is rendered from what lies there, and shown as if all had been."""

from __future__ import annotations

import random
from typing import Any

import pytest
from textual._compositor import ChopsUpdate, Compositor
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.widgets import Static

from handrail.tui.narrow_compositor import NarrowCompositor


class Panes(App[None]):
    """Parts beside, below and over each other."""

    CSS = """
    Screen { layers: below above; }
    Static { width: 1fr; height: 1fr; border: round red; }
    #over { layer: above; width: 20; height: 5; offset: 8 3; }
    """

    def compose(self) -> ComposeResult:
        with Vertical():
            with Horizontal():
                yield Static("first", id="first")
                yield Static("second", id="second")
            with Horizontal():
                yield Static("third", id="third")
                yield Static("fourth", id="fourth")
        yield Static("over", id="over")


def cells(update: Any) -> list[tuple[int, int, str]]:
    """What would be written: row, column, text."""
    assert isinstance(update, ChopsUpdate)
    written = []
    for y, left, right in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if x >= right or end <= left:
                continue
            assert strip is not None, (y, x)
            written.append((y, x, (strip if end <= right else strip.crop(0, right - x)).text))
    return written


@pytest.mark.parametrize("seed", range(20))
async def test_a_part_is_shown_as_textual_shows_it(seed: int) -> None:
    app = Panes()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        chance = random.Random(seed)
        own, theirs = NarrowCompositor(), Compositor()
        for each in (own, theirs):
            each.reflow(app.screen, app.screen.size)
        for _ in range(10):
            width, height = chance.randint(1, 30), chance.randint(1, 8)
            dirty = {
                Region(chance.randrange(60 - width), chance.randrange(20 - height), width, height)
                for _ in range(chance.randint(1, 2))
            }
            own._dirty_regions, theirs._dirty_regions = set(dirty), set(dirty)
            assert cells(own.render_partial_update()) == cells(theirs.render_partial_update())
            assert own.visible_widgets == theirs.visible_widgets
            assert own.cuts == theirs.cuts
        assert own.render_partial_update() is None


async def test_what_lies_elsewhere_is_not_rendered() -> None:
    app = Panes()
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.pause()
        own = NarrowCompositor()
        own.reflow(app.screen, app.screen.size)
        full = own.visible_widgets
        own._dirty_regions = {Region(1, 1, 3, 1)}
        narrowed: list[set[str | None]] = []
        render = own._render_chops

        def watched(*arguments: Any) -> Any:
            narrowed.append({each.id for each in own.visible_widgets})
            return render(*arguments)

        own._render_chops = watched  # type: ignore[method-assign]
        own.render_partial_update()
        [seen] = narrowed
        # Neither what lies beside it nor what lies under it, which would be hidden.
        assert seen == {"first"}
        assert own.visible_widgets is full
