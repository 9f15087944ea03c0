"""Flight recordings: which there are."""

from __future__ import annotations

import msgspec

from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation


class RecordingRow(msgspec.Struct, kw_only=True):
    """One recorded run: its segments, bytes and span in seconds since 1970; `problem` states what cannot be read."""

    engine: str
    path: str
    segments: int
    size: int
    started_at: float
    ended_at: float
    readable: bool
    problem: str


class RecordingsResult(msgspec.Struct, kw_only=True):
    """A page of recordings, the newest first, of `total`."""

    recordings: list[RecordingRow]
    total: int


LIST_RECORDINGS = Operation(
    "recordings.list",
    "GET /api/recordings",
    PageArgs,
    RecordingsResult,
    "List the flight recordings, the newest first.",
    columns=("engine", "started_at", "ended_at", "segments", "size", "readable", "problem", "path"),
    examples=("quarterdeck recordings --json",),
)
