"""The sandbox for its own tests."""

from sandbox_fixture import sandbox, sandbox_session, shop

__all__ = ["sandbox", "sandbox_session", "shop"]
