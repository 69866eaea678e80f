"""How many customers come to the sandbox's shop."""

USUAL_PER_SECOND = 4.0
MOST_PER_SECOND = 100.0
