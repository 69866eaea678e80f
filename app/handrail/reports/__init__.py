"""What a run came to, for people and for the next run: pure functions of events and state."""
