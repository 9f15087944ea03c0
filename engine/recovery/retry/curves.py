"""The words of a backoff: how delays grow, and how they are spread."""

from __future__ import annotations

from enum import StrEnum


class Curve(StrEnum):
    """How delays grow with the attempts; adaptive also grows with load and failures lately."""

    FIXED = "fixed"
    LINEAR = "linear"
    EXPONENTIAL = "exponential"
    ADAPTIVE = "adaptive"


class Jitter(StrEnum):
    """How delays are spread, so that retries do not meet."""

    NONE = "none"
    EQUAL = "equal"
    FULL = "full"
    DECORRELATED = "decorrelated"
