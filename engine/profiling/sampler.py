"""The sampler's thread: reads the stacks of all other threads at a steady rate."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from engine.profiling.loop_steps import StepWatch
from engine.profiling.stacks import StackCounter, codes_of, is_waiting
from engine.profiling.thread_cpu import ThreadCpu

_LEAST_SHARE = 0.1
"""Of the time between two samples a thread must have used so much CPU to count: one that polls does not."""
_THREADS_EVERY = 50
"""Samples between two readings of which threads there are."""


class Sampler:
    """Owner of the thread. `steps` watches the thread `loop_thread`; `stacks` is None where no CPU is profiled."""

    def __init__(
        self, rate: float, loop_thread: int, stacks: StackCounter | None, steps: StepWatch, wall: Callable[[], float]
    ) -> None:
        self._period = 1.0 / rate
        self._loop_thread = loop_thread
        self._wall = wall
        self.stacks, self.steps = stacks, steps
        self.samples = 0
        self.missed = 0
        self.waiting = 0
        self.cpu = 0.0
        self._threads: dict[int, tuple[str, int | None]] = {}
        self._clocks = ThreadCpu()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="profiler", daemon=True)

    def start(self) -> None:
        """Sample until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, which takes less than a sample's time, or at most one second."""
        self._stop.set()
        self._thread.join(1.0)
        self.steps.end()

    def _run(self) -> None:
        own = threading.get_ident()
        due = time.perf_counter() + self._period
        while not self._stop.wait(max(0.0, due - time.perf_counter())):
            self._sample(own)
            due += self._period
            if (late := time.perf_counter() - due) > 0:
                missed = int(late / self._period) + 1
                self.missed += missed
                due += missed * self._period
            self.cpu = time.thread_time()

    def _sample(self, own: int) -> None:
        if self.samples % _THREADS_EVERY == 0:
            self._threads = {each.ident or 0: (each.name, each.native_id) for each in threading.enumerate()}
            self._clocks.keep({native or 0 for _name, native in self._threads.values()})
        self.samples += 1
        frames = sys._current_frames()  # noqa: SLF001 - documented for debuggers, and the only way
        for ident, frame in frames.items():
            if ident == self._loop_thread:
                self.steps.see(frame, time.perf_counter(), self._wall())
            if ident != own and self.stacks is not None:
                self._count(self.stacks, ident, frame)

    def _count(self, stacks: StackCounter, ident: int, frame: FrameType) -> None:
        name, native_id = self._threads.get(ident, (f"thread {ident}", None))
        if self._clocks.used(native_id, self._period * _LEAST_SHARE) is False or is_waiting(frame.f_code):
            self.waiting += 1
        else:
            stacks.add(name, codes_of(frame))
