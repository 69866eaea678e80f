"""The least that a Textual program can be: the peer for how long a start takes."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Static


class BareApp(App[None]):
    """One text, and another one after a key."""

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static("bare and painted")

    def on_key(self, event: events.Key) -> None:
        """Show that a key was taken."""
        self.query_one(Static).update("key was taken")


if __name__ == "__main__":
    BareApp().run()
