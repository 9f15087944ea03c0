"""What was allocated since a moment, by source line."""

from __future__ import annotations

import tracemalloc
from dataclasses import dataclass

from engine.profiling.stacks import short_path

MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one source line allocated and still holds: bytes, blocks."""

    place: str
    size: int
    count: int


@dataclass(frozen=True, slots=True)
class MemorySummary:
    """Bytes that are held of those allocated since the start, their peak, and the lines that hold the most."""

    held: int
    peak: int
    overhead: int
    """Bytes that the tracing itself takes."""
    lines: tuple[Allocation, ...]


class MemoryTrace:
    """Owner of the tracing, unless the process traces already: then it goes on afterwards."""

    def __init__(self) -> None:
        self._found = tracemalloc.is_tracing()
        if self._found:
            tracemalloc.reset_peak()
        else:
            tracemalloc.start()

    def summary(self) -> MemorySummary:
        """Read it; takes a moment for each hundred thousand blocks, so call it from a thread of its own."""
        snapshot = tracemalloc.take_snapshot()
        held, peak = tracemalloc.get_traced_memory()
        snapshot = snapshot.filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
        lines = [
            Allocation(f"{short_path(each.traceback[0].filename)}:{each.traceback[0].lineno}", each.size, each.count)
            for each in snapshot.statistics("lineno")[:MOST_LINES]
        ]
        return MemorySummary(held, peak, tracemalloc.get_tracemalloc_memory(), tuple(lines))

    def stop(self) -> None:
        """Trace no longer."""
        if not self._found:
            tracemalloc.stop()
