"""Lines take the height of what they show, whenever it is shown."""

from __future__ import annotations

from textual.app import App, ComposeResult

from handrail.tui.presenters.line import line
from handrail.tui.widgets.lines import Lines


class Shown(App[None]):
    CSS = "Lines { height: auto; }"

    def compose(self) -> ComposeResult:
        yield Lines()


async def test_lines_shown_while_a_layout_is_asked_for_get_their_own_height() -> None:
    app = Shown()
    async with app.run_test() as pilot:
        lines = app.query_one(Lines)
        lines.show(line("one"), layout=True)
        # The screen measures before the widget has come to say that it wants to be: here, in between.
        app.screen._refresh_layout()
        lines.show(line("one"), line("two"), line("three"), layout=True)
        await pilot.pause()
        assert lines.size.height == 3


async def test_lines_shown_without_a_layout_keep_their_height() -> None:
    app = Shown()
    async with app.run_test() as pilot:
        lines = app.query_one(Lines)
        lines.show(line("one"), layout=True)
        await pilot.pause()
        lines.show(line("another"))
        await pilot.pause()
        assert lines.size.height == 1
