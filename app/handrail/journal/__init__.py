"""The append-only list of events of every run: the only truth, and the only channel between processes."""
