"""The sandbox's own small servers, each a process of its own: `python -m handrail.sandbox.services.NAME`."""
