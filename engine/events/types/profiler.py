"""What the profiler reports of itself."""

from __future__ import annotations

from engine.events.types.base import Event


class ProfilerStarted(Event, frozen=True):
    """A capture began: what it measures, samples a second, and the seconds after which it stops by itself."""

    kinds: tuple[str, ...]
    rate: float
    seconds: float
    who: str = ""


class ProfilerStopped(Event, frozen=True):
    """A capture ended; `problem` states why its files were not written, and is empty when they were."""

    reason: str
    seconds: float
    samples: int
    files: tuple[str, ...] = ()
    problem: str = ""
