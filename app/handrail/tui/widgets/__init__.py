"""What paints: each widget is given lines by a presenter, and repaints only what has changed."""
