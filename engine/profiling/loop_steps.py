"""Steps of the event loop that took long, with the stack that the sampler saw in them; and the loop's lag."""

from __future__ import annotations

import asyncio
from asyncio import events
from collections import deque
from dataclasses import dataclass
from types import CodeType, FrameType

from engine.base.percentiles import nearest_rank
from engine.profiling.stacks import Function, function_of

MOST_STEPS, LAGS_KEPT = 100, 4096
BEAT_S = 0.05
_STEP_FILE, _STEP_NAME = events.__file__, "_run"


@dataclass(frozen=True, slots=True)
class LoopStep:
    """One step of the loop: when it was first seen in seconds since 1970, how long, and the stack below it.

    `seconds` is the time between the first and the last sample in it, so at most one period too short at each end.
    """

    at: float
    seconds: float
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class LagSummary:
    """How late the loop ran what was due, in seconds."""

    p50: float
    p99: float
    most: float
    beats: int


@dataclass(slots=True)
class _Step:
    frame: FrameType
    began: float
    wall: float
    last: float
    codes: tuple[CodeType, ...]


class StepWatch:
    """Owner of the longest steps; `see` is called for each sample of the loop's thread.

    A step is one call of a handle: as long as the same frame of it stands in the stack, it is the same step.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._now: _Step | None = None
        self._longest: list[LoopStep] = []
        self.blocking = 0

    def see(self, leaf: FrameType | None, now: float, wall: float) -> None:
        """What the loop's thread does at this moment."""
        frame, codes = step_of(leaf)
        step = self._now
        if step is not None and step.frame is frame:
            step.last, step.codes = now, codes
            return
        self.end()
        if frame is not None:
            self._now = _Step(frame, now, wall, now, codes)

    def end(self) -> None:
        """The step under way has ended."""
        step, self._now = self._now, None
        if step is None or (seconds := step.last - step.began) < self._threshold:
            return
        self.blocking += 1
        self._longest.append(LoopStep(step.wall, seconds, tuple(function_of(code) for code in reversed(step.codes))))
        self._longest.sort(key=lambda each: -each.seconds)
        del self._longest[MOST_STEPS:]

    @property
    def longest(self) -> list[LoopStep]:
        """The longest first."""
        return list(self._longest)


def step_of(leaf: FrameType | None) -> tuple[FrameType | None, tuple[CodeType, ...]]:
    """The frame of the loop's step in a stack, and the codes below it, leaf first; None while the loop waits."""
    codes: list[CodeType] = []
    found: FrameType | None = None
    below = 0
    frame = leaf
    while frame is not None:
        code = frame.f_code
        if code.co_name == _STEP_NAME and code.co_filename == _STEP_FILE:
            found, below = frame, len(codes)
        codes.append(code)
        frame = frame.f_back
    return found, tuple(codes[:below])


class LoopLag:
    """Owner of a heartbeat on the running loop that measures how late it comes."""

    def __init__(self) -> None:
        self._lags: deque[float] = deque(maxlen=LAGS_KEPT)
        self._timer: asyncio.TimerHandle | None = None
        self._most = 0.0
        self._beats = 0

    def start(self) -> None:
        """Beat until `stop`."""
        loop = asyncio.get_running_loop()
        due = loop.time() + BEAT_S
        self._timer = loop.call_at(due, self._beat, due)

    def stop(self) -> None:
        """No further beat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def summary(self) -> LagSummary:
        """What was measured so far; of a long capture the percentiles are those of its last minutes."""
        lags = sorted(self._lags)
        return LagSummary(nearest_rank(lags, 0.50), nearest_rank(lags, 0.99), self._most, self._beats)

    def _beat(self, due: float) -> None:
        lag = max(0.0, asyncio.get_running_loop().time() - due)
        self._lags.append(lag)
        self._most = max(self._most, lag)
        self._beats += 1
        self.start()
