"""Of a part of the screen that has changed, only the widgets in it are rendered.

Textual renders all that are visible, and throws away what lies elsewhere: two clocks that go on, or the rows
of a log, cost as much as the whole screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.widget import Widget


class NarrowCompositor(Compositor):
    """Textual's, with an eye for where a change is."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What has changed, rendered from the widgets that lie there."""
        everything = self.visible_widgets
        _ = self.cuts  # they follow from all widgets, and are kept once they were asked for
        seen: set[Widget] = set()
        for changed in self._dirty_regions:
            seen.update(_seen_in(changed, everything))
        narrow = {each: place for each, place in everything.items() if each in seen}
        self._visible_widgets = narrow
        try:
            return super().render_partial_update()
        finally:
            if self._visible_widgets is narrow:
                self._visible_widgets = everything


def _seen_in(changed: Region, widgets: Mapping[Widget, tuple[Region, Region]]) -> Iterator[Widget]:
    """The widgets that show in a region, of all, which are in their order from the topmost down."""
    for widget, (place, clip) in widgets.items():
        shown = place.intersection(clip)
        if shown.overlaps(changed):
            yield widget
        if shown.contains_region(changed):
            return  # what lies under it is hidden there
