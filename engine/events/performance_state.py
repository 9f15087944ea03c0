"""The part of the state about the engine's process: its indicators, and the stages of the last requests."""

from __future__ import annotations

import msgspec

from engine.events.types import PerformanceReading

LAGS_KEPT = 120
"""Seconds of the event loop's lag that stay readable."""
STAGES_KEPT = 64
"""Ended requests whose stages stay readable: enough for a median."""


class PerformanceView(msgspec.Struct):
    """The engine's process as measured last, at `at`; `lags` are the largest lags of the last LAGS_KEPT seconds.

    A second that nothing was measured in is -1.
    """

    reading: PerformanceReading = msgspec.field(default_factory=PerformanceReading)
    at: float = 0.0
    lags: list[float] = []


class RequestStages(msgspec.Struct, array_like=True):
    """Where the time of one request went, in seconds; `engine` is what is left of them, retries included.

    While it runs only what its turns took is known.
    """

    request: str
    prompt: str = ""
    at: float = 0.0
    ok: bool = False
    attempts: int = 1
    seconds: float = 0.0
    queue: float = 0.0
    first_token: float = 0.0
    stream: float = 0.0
    tools: float = 0.0
    people: float = 0.0
    engine: float = 0.0


class ProfilerView(msgspec.Struct):
    """The capture under way, or the last one; times in seconds, `ends_at` since 1970."""

    running: bool = False
    kinds: list[str] = []
    rate: float = 0.0
    ends_at: float = 0.0
    ended_at: float = 0.0
    seconds: float = 0.0
    samples: int = 0
    problem: str = ""
