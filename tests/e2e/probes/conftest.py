"""The sandbox's shop, for probes of the real pm2, PostgreSQL and application."""

from __future__ import annotations

from sandbox_fixture import open_shop, sandbox_session

__all__ = ["open_shop", "sandbox_session"]
