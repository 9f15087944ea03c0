"""The profiler: one capture at a time, off unless it is started, and never longer than it may take."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from engine.base.clock import Clock
from engine.base.errors import BadInput, NotFound, Overloaded
from engine.base.nursery import Nursery
from engine.events.types import AnyEvent, Notice, ProfilerStarted, ProfilerStopped, Severity
from engine.launchers.tree_usage import TreeUsage
from engine.profiling.capture import KINDS, Capture
from engine.profiling.loop_lag import CAPTURE_S, LagSummary, LagWindow, LoopLag
from engine.profiling.loop_steps import StepWatch
from engine.profiling.memory import MemorySummary, MemoryTrace
from engine.profiling.outputs import folder as folders
from engine.profiling.outputs.flamegraph import flamegraph
from engine.profiling.outputs.report import report
from engine.profiling.outputs.speedscope import speedscope
from engine.profiling.sampler import Sampler
from engine.profiling.session_usage import taken
from engine.profiling.stacks import StackCounter, own_shares
from engine.profiling.tasks import task_table
from engine.settings import schema_profiler
from engine.settings.schema_profiler import LEAST_RATE, LEAST_S, LONGEST_S, MOST_RATE

_NO_CAPTURE = "`quarterdeck profiler start` begins one."


@dataclass(frozen=True, slots=True)
class ProfilerPorts:
    """What the profiler needs of the engine: settings, folder, events, what the sessions take, the loop's heartbeat."""

    settings: Callable[[], schema_profiler.Profiler]
    folder: Callable[[], Path]
    publish: Callable[[AnyEvent], object]
    clock: Clock
    trees: Callable[[], Awaitable[Mapping[str, TreeUsage]]]
    lag: LoopLag


@dataclass(frozen=True, slots=True)
class ProfilerStatus:
    """`running` with the capture under way; else the last one. `problem` states why its files were not written."""

    running: bool
    capture: str
    kinds: tuple[str, ...]
    rate: float
    elapsed: float
    ends_in: float
    samples: int
    lag: LagSummary | None
    folder: Path
    files: tuple[str, ...] = ()
    problem: str = ""


@dataclass(slots=True)
class _Running:
    """What measures now."""

    start: Capture
    duration: float
    began: float
    cpu: float
    trees: Mapping[str, TreeUsage]
    sampler: Sampler | None
    lag: LagWindow | None
    memory: MemoryTrace | None


class Profiler:
    """Owner of the capture under way and of the last one. Call it on the engine's loop, which it watches."""

    def __init__(self, ports: ProfilerPorts) -> None:
        self._ports = ports
        self._running: _Running | None = None
        self._starting = False
        self._stopping: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._work = Nursery("profiler", self._on_error)
        self._closed = False
        self._number = 0
        self.last: Capture | None = None
        self.shares_before: dict[tuple[str, str], float] = {}
        """Own shares of the functions in the capture of stacks before the last one; empty where there was none."""
        self._files: tuple[str, ...] = ()
        self._problem = ""

    async def start(
        self, kinds: Sequence[str], rate: float | None = None, seconds: float | None = None, who: str = ""
    ) -> ProfilerStatus:
        """Begin a capture; `rate` in hertz and `seconds` are those of the settings unless given.

        Raises BadInput for a value out of its bounds, a folder that cannot be written, and while one is under way, and
        Overloaded when the engine stops.
        """
        settings = self._ports.settings()
        rate = _within("rate", settings.sample_rate if rate is None else rate, LEAST_RATE, MOST_RATE)
        seconds = _within("seconds", settings.duration if seconds is None else seconds, LEAST_S, LONGEST_S)
        chosen = _kinds(kinds)
        if self._running is not None or self._starting:
            remedy = "`quarterdeck profiler stop` ends it."
            raise BadInput("The profiler runs already.", field="kinds", remedy=remedy)
        self._starting = True
        try:
            await asyncio.to_thread(folders.check_folder, self._ports.folder())
            trees = await self._ports.trees()
            if self._closed:
                raise Overloaded("The engine stops, and captures nothing more.", remedy="Try again when it is back.")
            self._begin(chosen, rate, seconds, settings.blocking_threshold, trees)
        finally:
            self._starting = False
        self._timer = asyncio.get_running_loop().call_later(seconds, self._time_is_up)
        self._ports.publish(ProfilerStarted(kinds=chosen, rate=rate, seconds=seconds, who=who))
        return self.status()

    async def stop(self, reason: str = "stopped") -> Capture:
        """End the capture under way and write its files. Raises NotFound while there is none."""
        if self._running is None and self._stopping is None:
            raise NotFound("The profiler does not run.", remedy=_NO_CAPTURE)
        if self._stopping is None:
            self._stopping = self._work.spawn(self._stop(reason), "stop")
        await asyncio.shield(self._stopping)
        return self.capture()

    def capture(self) -> Capture:
        """The last one. Raises NotFound while there was none."""
        if self.last is None:
            raise NotFound("Nothing has been captured yet.", remedy=_NO_CAPTURE)
        return self.last

    def rendered(self, form: str) -> str:
        """The last capture in one of the formats. Raises NotFound while there was none."""
        return _content(form, self.capture()).decode()

    def status(self) -> ProfilerStatus:
        """What it does now."""
        now, running = time.perf_counter(), self._running
        shown = running.start if running is not None else self.last
        if shown is None:
            return ProfilerStatus(False, "", (), 0.0, 0.0, 0.0, 0, None, self._ports.folder())
        if running is None:
            return ProfilerStatus(
                False, shown.id, shown.kinds, shown.rate, shown.seconds, 0.0, shown.samples, shown.lag,
                self._ports.folder(), self._files, self._problem,
            )  # fmt: skip
        elapsed = now - running.began
        samples = running.sampler.samples if running.sampler is not None else 0
        lag = running.lag.summary() if running.lag is not None else None
        left = max(0.0, running.duration - elapsed)
        return ProfilerStatus(
            True, shown.id, shown.kinds, shown.rate, elapsed, left, samples, lag, self._ports.folder()
        )

    async def aclose(self, *, at_once: bool) -> None:
        """End a capture under way; its files are written unless all ends `at_once`."""
        self._closed = True
        if at_once:
            await self._work.aclose()
            self._abandon()
        elif self._running is not None or self._stopping is not None:
            await self.stop("the engine stops")
        await self._work.join()

    def _begin(
        self, kinds: tuple[str, ...], rate: float, seconds: float, threshold: float, trees: Mapping[str, TreeUsage]
    ) -> None:
        self._number += 1
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(self._ports.clock.wall()))}-{os.getpid()}-{self._number}"
        start = Capture(name, self._ports.clock.wall(), 0.0, kinds, rate, threshold)
        sampler = lag = memory = None
        if {"cpu", "blocking"} & set(kinds):
            stacks = StackCounter() if "cpu" in kinds else None
            sampler = Sampler(rate, threading.get_ident(), stacks, StepWatch(threshold), self._ports.clock.wall)
            sampler.start()
        if "memory" in kinds:
            memory = MemoryTrace()
        if {"tasks", "blocking"} & set(kinds):
            lag = self._ports.lag.open(CAPTURE_S)
        self._running = _Running(start, seconds, time.perf_counter(), time.process_time(), trees, sampler, lag, memory)

    def _time_is_up(self) -> None:
        if self._running is not None and self._stopping is None:
            self._stopping = self._work.spawn(self._stop("its time is up"), "stop")

    async def _stop(self, reason: str) -> None:
        running = self._running
        if running is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        try:
            capture = await self._finish(running)
            if self.last is not None and self.last.stacks:
                self.shares_before = own_shares(self.last.stacks)
            self.last = capture
            self._files, self._problem = (), ""
            await self._write(capture)
        except Exception as error:
            seconds = round(time.perf_counter() - running.began, 3)
            self._ports.publish(ProfilerStopped(reason=reason, seconds=seconds, samples=0, problem=repr(error)))
            raise
        finally:
            self._abandon()
            self._stopping = None
        self._ports.publish(
            ProfilerStopped(
                reason=reason, seconds=round(capture.seconds, 3), samples=capture.samples, files=self._files,
                problem=self._problem,
            )
        )  # fmt: skip

    def _abandon(self) -> None:
        """End what still measures."""
        running, self._running = self._running, None
        if self._timer is not None:
            self._timer.cancel()
        if running is None:
            return
        if running.lag is not None:
            self._ports.lag.close(running.lag)
        if running.sampler is not None:
            running.sampler.stop()
        if running.memory is not None:
            running.memory.stop()

    async def _finish(self, running: _Running) -> Capture:
        """Stop what measures, before anything is computed from it."""
        seconds, cpu = time.perf_counter() - running.began, time.process_time() - running.cpu
        if running.lag is not None:
            self._ports.lag.close(running.lag)
        if running.sampler is not None:
            await asyncio.to_thread(running.sampler.stop)
        tasks = task_table() if "tasks" in running.start.kinds else None
        memory: MemorySummary | None = None
        if running.memory is not None:
            try:
                memory = await asyncio.to_thread(running.memory.summary)
            finally:
                running.memory.stop()
        trees = await self._ports.trees()
        found = replace(
            running.start,
            seconds=seconds,
            engine_cpu=cpu,
            engine_rss=psutil.Process().memory_info().rss,
            sessions=taken(running.trees, trees),
            lag=running.lag.summary() if running.lag is not None else None,
            tasks=tasks,
            memory=memory,
        )
        return await asyncio.to_thread(_sampled, found, running.sampler)

    async def _write(self, capture: Capture) -> None:
        settings = self._ports.settings()
        limits = folders.FolderLimits(settings.max_files, settings.max_bytes)
        place = self._ports.folder()
        try:
            files = await asyncio.to_thread(_written, capture)
            self._files = tuple(await asyncio.to_thread(folders.keep, place, files, limits))
        except BadInput as error:
            self._problem = error.message
            text = f"{error.message} The capture itself is kept in memory."
            self._ports.publish(Notice(severity=Severity.WARNING, text=text, remedy=error.remedy))

    def _on_error(self, name: str, error: BaseException) -> None:
        text = f"{name} failed: {error!r}; the capture is lost"
        self._ports.publish(Notice(severity=Severity.WARNING, text=text, remedy="Report it, with the engine's log."))


def _sampled(found: Capture, sampler: Sampler | None) -> Capture:
    if sampler is None:
        return found
    stacks = sampler.stacks
    return replace(
        found,
        samples=sampler.samples,
        missed=sampler.missed,
        waiting=sampler.waiting,
        sampler_cpu=sampler.cpu,
        stacks=tuple(stacks.stacks()) if stacks is not None else (),
        other=stacks.other if stacks is not None else 0,
        blocking=sampler.steps.blocking,
        steps=tuple(sampler.steps.longest) if "blocking" in found.kinds else (),
    )


def _written(capture: Capture) -> dict[str, bytes]:
    """The files of a capture: all formats where stacks were taken, else the report alone."""
    forms = folders.FORMATS if "cpu" in capture.kinds else {"markdown": folders.FORMATS["markdown"]}
    return {f"capture-{capture.id}{suffix}": _content(form, capture) for form, suffix in forms.items()}


def _content(form: str, capture: Capture) -> bytes:
    name = f"quarterdeck {capture.id}"
    if form == "speedscope":
        return speedscope(name, capture.stacks, capture.rate)
    if form == "flamegraph":
        return flamegraph(name, capture.stacks)
    return report(capture).encode()


def _within(field: str, value: float, least: float, most: float) -> float:
    if not least <= value <= most:
        text = f"{field} is {value:g}, which is not between {least:g} and {most:g}."
        raise BadInput(text, field=field, remedy=f"Give a {field} between {least:g} and {most:g}.")
    return value


def _kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        text = f"{unknown[0]!r} is no kind of profile." if unknown else "No kind of profile is given."
        raise BadInput(text, field="kinds", remedy=f"Choose from {', '.join(KINDS)}.")
    return tuple(kind for kind in KINDS if kind in kinds)
