"""The requests of a user flow, in which cookies go along; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from handrail.probes.exchange import Request

if TYPE_CHECKING:
    from handrail.project.model import FlowRequest


def flow_request(url: str, request: FlowRequest, cookies: Mapping[str, str]) -> Request:
    """One request of a flow, with the cookies that the flow has got so far."""
    cookie = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return Request(
        url,
        request.method,
        form=request.form or None,
        headers={"cookie": cookie} if cookie else {},
        dry_status=request.expect_status,
        dry_body=request.expect_text or "",
    )
