"""One execution of a runbook: decided purely, from events, commands and the time it is."""
