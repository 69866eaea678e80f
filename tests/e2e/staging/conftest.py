"""The reset shop with a staging environment beside it, which ends with the test."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sandbox_fixture import Shop, sandbox, sandbox_session, shop, silent

__all__ = ["sandbox", "sandbox_session", "shop", "staged"]


@pytest.fixture
def staged(shop: Shop) -> Iterator[Shop]:
    """The shop with staging, whose data were production's; its waits are short."""
    values = "('mug', 1, 1250, 'a.customer@shop.invalid')"
    shop.sql(f"insert into orders (item, quantity, cents, customer) values {values}")
    shop.sandbox.up(silent, staging=True)
    project = shop.sandbox.project_file
    text = project.read_text()
    text = re.sub(r'settle = "10s"', 'settle = "2s"', text)
    text = text.replace('duration = "5s"', 'duration = "3s"')
    project.write_text(text.replace('paths = ["/", "/checkout"]', 'paths = ["/checkout"]'))
    yield shop
    shop.sandbox.down(silent, staging=True)
