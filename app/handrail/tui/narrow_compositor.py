"""Of a part of the screen that has changed, only the widgets in it are rendered.

Textual renders all that are visible, and throws away what lies elsewhere: two clocks that go on, or the rows
of a log, cost as much as the whole screen.
"""

from __future__ import annotations

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region


class NarrowCompositor(Compositor):
    """Textual's, with an eye for where a change is."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """What has changed, rendered from the widgets that lie there."""
        everything = self.visible_widgets
        _ = self.cuts  # they follow from all widgets, and are kept once they were asked for
        changed = Region.from_union(list(self._dirty_regions)) if self._dirty_regions else Region()
        narrow = {each: place for each, place in everything.items() if changed.overlaps(place[0])}
        self._visible_widgets = narrow
        try:
            return super().render_partial_update()
        finally:
            if self._visible_widgets is narrow:
                self._visible_widgets = everything
