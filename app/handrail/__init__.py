"""handrail walks an operator through a deployment runbook, and back out of it in time."""

__version__ = "0.1.0"
