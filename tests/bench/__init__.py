"""What `scripts/bench` measures, with the peers beside it. Nothing of it is part of the program."""
