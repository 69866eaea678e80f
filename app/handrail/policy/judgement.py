"""What a rule says of the facts that it was given."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.policy.gate import Verdict


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, and what was seen: first the sentence that decides, then a line for each thing looked at."""

    verdict: Verdict
    evidence: str

    @classmethod
    def of(cls, verdict: Verdict, summary: str, *details: str) -> Judgement:
        """The judgement with this summary, and a line of evidence for each detail."""
        return cls(verdict, "\n".join((summary, *(f"- {detail}" for detail in details))))
