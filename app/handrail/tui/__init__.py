"""The terminal screen: it follows a run by its events, and acts by command rows."""
