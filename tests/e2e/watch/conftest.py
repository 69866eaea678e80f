"""The sandbox for runs that watch it."""

from sandbox_fixture import sandbox_session

__all__ = ["sandbox_session"]
