"""Steps of the event loop that took long, with the stack that the sampler saw in them."""

from __future__ import annotations

from asyncio import events
from dataclasses import dataclass
from types import CodeType, FrameType

from engine.profiling.stacks import Function, function_of

MOST_STEPS = 100
_STEP_FILE, _STEP_NAME = events.__file__, "_run"


@dataclass(frozen=True, slots=True)
class LoopStep:
    """One step of the loop: when it was first seen in seconds since 1970, how long, and the stack below it.

    `seconds` is the time between the first and the last sample in it, so at most one period too short at each end.
    """

    at: float
    seconds: float
    functions: tuple[Function, ...]


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
