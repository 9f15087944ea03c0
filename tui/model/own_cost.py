"""What the console itself takes: CPU a refresh, bytes to its terminal, time from a key to what it changed. Pure."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from engine.base.percentiles import nearest_rank

FRAMES_KEPT = 240
RATES_S = 10.0
"""Seconds that a rate is taken over."""
_KEYS_KEPT = 64
_PAINT_S = 1.0
"""A key that changed nothing for so long is not waited for any more."""


class OwnCost:
    """Owner of the last frames and rates.

    A frame is the CPU, in seconds, that the console's thread took from one refresh to the next: facts taken in,
    painted, laid out and written. `now` is a monotonic time in seconds, `cpu` the CPU seconds of the calling thread.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic, cpu: Callable[[], float] = time.thread_time) -> None:
        self._now, self._cpu = now, cpu
        self._rounds: deque[tuple[float, float, int, int]] = deque(maxlen=FRAMES_KEPT)
        self._keys: deque[float] = deque(maxlen=_KEYS_KEPT)
        self._pressed: float | None = None
        self.frames: deque[float] = deque(maxlen=FRAMES_KEPT)
        self.events = 0
        """Events taken in so far."""

    def refresh(self, written: int) -> None:
        """A refresh begins; `written` are the bytes that the terminal was sent so far."""
        now, cpu = self._now(), self._cpu()
        if self._rounds:
            self.frames.append(max(0.0, cpu - self._rounds[-1][1]))
        self._rounds.append((now, cpu, written, self.events))
        while now - self._rounds[0][0] > RATES_S and len(self._rounds) > 2:
            self._rounds.popleft()

    def key(self) -> None:
        """A key was pressed."""
        self._pressed = self._now()

    def painted(self) -> None:
        """Something was drawn."""
        pressed, self._pressed = self._pressed, None
        if pressed is not None and (took := self._now() - pressed) < _PAINT_S:
            self._keys.append(took)

    @property
    def frame_p50(self) -> float:
        """CPU seconds of the median frame."""
        return nearest_rank(sorted(self.frames), 0.5)

    @property
    def frame_p95(self) -> float:
        """CPU seconds that 95 of 100 frames do not exceed."""
        return nearest_rank(sorted(self.frames), 0.95)

    @property
    def key_to_paint(self) -> float | None:
        """Median seconds from a key to the next drawing; None before the first."""
        return nearest_rank(sorted(self._keys), 0.5) if self._keys else None

    @property
    def cpu_share(self) -> float:
        """CPU of the console's thread in the last seconds, in percent of a core."""
        return 100 * self._rate(1)

    @property
    def bytes_rate(self) -> float:
        """Bytes a second to the terminal in the last seconds."""
        return self._rate(2)

    @property
    def events_rate(self) -> float:
        """Events a second taken in in the last seconds."""
        return self._rate(3)

    def _rate(self, of: int) -> float:
        if len(self._rounds) < 2:
            return 0.0
        first, last = self._rounds[0], self._rounds[-1]
        return (last[of] - first[of]) / max(last[0] - first[0], 1e-3)
