"""What the garbage collector does in this process: runs, their time and what they freed, by generation."""

from __future__ import annotations

import gc
import time
from typing import Any

from engine.events.types import GarbageReading

_GENERATIONS = 3


class GarbageMeter:
    """Owner of the counts since `start`; the collector calls it before and after each run, on whatever thread runs."""

    def __init__(self) -> None:
        self._runs = [0] * _GENERATIONS
        self._seconds = [0.0] * _GENERATIONS
        self._collected = [0] * _GENERATIONS
        self._began = 0.0

    def start(self) -> None:
        """Count from now on."""
        gc.callbacks.append(self._on_run)

    def stop(self) -> None:
        """Count no more; safe to call twice."""
        if self._on_run in gc.callbacks:
            gc.callbacks.remove(self._on_run)

    def readings(self) -> tuple[GarbageReading, ...]:
        """One a generation, the youngest first."""
        return tuple(
            GarbageReading(number, self._runs[number], round(self._seconds[number], 6), self._collected[number])
            for number in range(_GENERATIONS)
        )

    def _on_run(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
            return
        generation = min(info["generation"], _GENERATIONS - 1)
        self._runs[generation] += 1
        self._collected[generation] += info["collected"]
        if self._began:  # else the run began before the count
            self._seconds[generation] += time.perf_counter() - self._began
