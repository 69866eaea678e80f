"""The sandbox for its own tests."""

from sandbox_fixture import open_shop, sandbox, sandbox_session, shop

__all__ = ["open_shop", "sandbox", "sandbox_session", "shop"]
