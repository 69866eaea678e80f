"""Who may say that something holds."""

from __future__ import annotations


def why_not_attest(*, by: str, operator_user: str, attester_user: str) -> str | None:
    """Why this person can't attest; four eyes means another operating-system user."""
    if by == "someone-else" and attester_user == operator_user:
        return (
            f"Someone other than the operator ({operator_user}) must say this: "
            "ask a colleague to attach to this run under their own user."
        )
    return None
