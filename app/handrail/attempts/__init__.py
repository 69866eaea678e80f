"""One try at one step: started by a shim, followed by files, and never lost with a terminal."""
