"""Do visitors see what was deployed? (deployment-workflow.md, Common Issues: "features not visible")"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handrail.policy.gate import Verdict
from handrail.policy.judgement import Judgement

SHOWN_MARK = 12
LONGEST_VALUE = 60
# What caches say of themselves, in the order in which it helps.
TELLING = ("age", "x-cache", "cf-cache-status", "cache-status", "x-served-by", "via", "etag", "cache-control")


@dataclass(frozen=True, slots=True)
class Copy:
    """One answer: its status, what it is recognised by (empty: it lacks that), what a cache says of it.

    `trouble` says why there is no answer.
    """

    status: int = 0
    mark: str = ""
    told: str = ""
    trouble: str = ""

    def is_like(self, other: Copy) -> bool:
        """Whether both answers give a visitor the same."""
        return (self.status, self.mark) == (other.status, other.mark)


def mark_of(body: str, headers: Mapping[str, str], header: str | None) -> str:
    """What an answer is recognised by: a header of it, or its body's SHA-256."""
    if header is not None:
        return headers.get(header.lower(), "")
    return hashlib.sha256(body.encode("utf-8", "replace")).hexdigest()


def told_by(headers: Mapping[str, str]) -> str:
    """What the caches on the way have written into an answer; empty where none did."""
    return ", ".join(f"{name}: {headers[name][:LONGEST_VALUE]}" for name in TELLING if headers.get(name))


def judge_copies(path: str, seen: Sequence[Copy], own: Sequence[Copy]) -> tuple[Verdict, str]:
    """Whether what visitors get of one page is what the application itself gives.

    `own` has the application's answer, and a second one where the first was another than the visitors': a
    page that differs from request to request can't be compared.
    """
    for copy in (*own, *seen):
        if copy.trouble:
            return Verdict.UNKNOWN, f"{path}: {copy.trouble}"
    ours = own[0]
    theirs = [copy for copy in seen if not copy.is_like(ours)]
    if ours.status >= 400:
        return Verdict.UNKNOWN, f"{path}: the application itself answers with status {ours.status}"
    if not ours.mark or any(copy.status == ours.status and not copy.mark for copy in seen):
        return Verdict.UNKNOWN, f"{path}: an answer lacks the header that they are compared by"
    if not theirs:
        told = f" ({seen[0].told})" if seen[0].told else ""
        return Verdict.PASS, f"{path}: visitors get what the application gives{told}"
    if not all(copy.is_like(ours) for copy in own[1:]):
        return Verdict.UNKNOWN, f"{path}: it differs from request to request, so it can't be compared"
    other = theirs[0]
    count = f"{len(theirs)} of {len(seen)} answers are" if len(seen) > 1 else "visitors get"
    what = f"status {other.status}" if other.status != ours.status else f"another one, {_short(other.mark)}"
    told = f" ({other.told})" if other.told else ""
    return Verdict.FAIL, f"{path}: {count} {what}{told}; the application gives {_short(ours.mark)}"


def _short(mark: str) -> str:
    return mark[:SHOWN_MARK]


def judge_flag(
    name: str,
    where: str,
    said: Sequence[str | None],
    *,
    contains: str | None,
    equals: str | None,
    shown: bool,
) -> tuple[Verdict, str]:
    """Whether a flag is on wherever it was looked for; `None` in `said` is where it isn't at all.

    What was found is quoted only where it may be `shown`.
    """
    if not said:
        return Verdict.UNKNOWN, f"whether the feature flag {name} is on can't be known: {where}"
    off = [text for text in said if not _is_on(text, contains, equals)]
    if not off:
        return Verdict.PASS, f"the feature flag {name} is on: {where}"
    found = off[0]
    if found is None:
        why = "it isn't there"
    elif contains is not None:
        why = f"{contains!r} isn't in it"
    else:
        why = f"it is {' '.join(found.split())[:LONGEST_VALUE]!r}" if shown else "it has another value"
    return Verdict.FAIL, f"the feature flag {name} is off: {where}: {why}, in {len(off)} of {len(said)}"


def _is_on(text: str | None, contains: str | None, equals: str | None) -> bool:
    if text is None:
        return False
    if contains is not None:
        return contains in text
    return equals is None or text.strip() == equals


def together(what: str, found: Sequence[tuple[Verdict, str]]) -> Judgement:
    """What several looks say at once: one that fails decides, then one that is unknown."""
    verdicts = [verdict for verdict, _ in found]
    for verdict, word in ((Verdict.FAIL, "not as deployed"), (Verdict.UNKNOWN, "not known")):
        if verdict in verdicts:
            return Judgement.of(verdict, f"{what}: {word}", *(line for _, line in found))
    return Judgement.of(Verdict.PASS, f"{what}: as deployed", *(line for _, line in found))
