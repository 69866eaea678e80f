"""The chain of hashes that binds a run's events: how it is made, and how a break in it is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from handrail.clock import Instant
from handrail.journal.base import Record


def write_body(body: dict[str, Any]) -> str:
    """A body as the one text that is stored and hashed. Raises `TypeError` or `ValueError` where JSON
    can't hold it."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def type_of(body: dict[str, Any]) -> str:
    """The type that a body carries. Raises `ValueError` where it carries none."""
    kind = body.get("type")
    if not isinstance(kind, str) or not kind:
        raise ValueError('the body of an event needs a "type"')
    return kind


def chain_hash(previous: str, run: str, seq: int, epoch: int, at: Instant, body: str) -> str:
    """The hash of one event, over the hash of the one before and over the body's text as stored."""
    head = json.dumps([previous, run, seq, epoch, at.wall, at.boot, at.boot_id], separators=(",", ":"))
    return hashlib.sha256(f"{head}\n{body}".encode()).hexdigest()


def make_records(
    run: str,
    epoch: int,
    after_seq: int,
    previous: str,
    bodies: Sequence[dict[str, Any]],
    at: Instant,
) -> list[tuple[Record, str]]:
    """The records that follow `after_seq`, each with its body's text."""
    made: list[tuple[Record, str]] = []
    for seq, body in enumerate(bodies, after_seq + 1):
        text = write_body(body)
        previous = chain_hash(previous, run, seq, epoch, at, text)
        made.append((Record(run, seq, epoch, at, type_of(body), json.loads(text), previous), text))
    return made


def check_chain(
    run: str,
    rows: Sequence[tuple[int, int, Instant, str, str, str]],
    last_seq: int,
    last_hash: str,
    read_before: dict[int, tuple[str, str]] | None = None,
) -> list[str]:
    """What is wrong with rows of (seq, epoch, at, type, body text, hash), oldest first.

    `last_seq` and `last_hash` are what the run's head says, so that a missing end is found too. Every hash is
    computed anew each time; `read_before` keeps, by seq, the hash and type of bodies that could be read, so
    that a long run's bodies are not parsed again with each of its events.
    """
    known = {} if read_before is None else read_before
    problems: list[str] = []
    previous, expected = "", 1
    for seq, epoch, at, kind, body, found in rows:
        if seq != expected:
            problems.append(f"{run}: event {expected} is missing (the next one is {seq})")
        whole = _is_next(previous, run, seq, epoch, at, body, found)
        if not whole:
            problems.append(f"{run}: event {seq} or the one before it was changed after it was written")
        try:
            if whole and known.get(seq) == (found, kind):
                pass
            elif json.loads(body)["type"] == kind:
                known[seq] = (found, kind)
            else:
                problems.append(f"{run}: event {seq} is filed under another type than its own")
        except (ValueError, KeyError, TypeError, RecursionError):
            problems.append(f"{run}: the body of event {seq} can't be read")
        previous, expected = found, seq + 1
    if expected - 1 != last_seq or previous != last_hash:
        problems.append(f"{run}: {last_seq} events were written, the chain ends with {expected - 1}")
    return problems


def _is_next(previous: str, run: str, seq: int, epoch: int, at: Instant, body: str, found: str) -> bool:
    try:
        return chain_hash(previous, run, seq, epoch, at, body) == found
    except (TypeError, ValueError):
        # A column of another type than it was written with.
        return False


def breaks_chain(record: Record, last_seq: int, last_hash: str) -> str | None:
    """What is wrong with a record that should follow the one of this seq and hash; `None` where it does."""
    if record.seq != last_seq + 1:
        return f"event {last_seq + 1} is missing (the next one is {record.seq})"
    body = write_body(record.body)
    whole = _is_next(last_hash, record.run, record.seq, record.epoch, record.at, body, record.hash)
    if not whole or record.body.get("type") != record.type:
        return f"event {record.seq} or the one before it was changed after it was written"
    return None
