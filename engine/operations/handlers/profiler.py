"""Captures are started, stopped and read; a request is traced from the remembered events."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine.base.errors import NotFound
from engine.operations.declared.profiler import (
    ALL_FILES,
    PROFILER_FILES,
    PROFILER_REPORT,
    PROFILER_STATUS,
    READ_PROFILER_FILE,
    START_PROFILER,
    STOP_PROFILER,
    TRACE_REQUEST,
    AdviceRow,
    CallerRow,
    CapturesResult,
    FileName,
    FileRow,
    FileText,
    HotRow,
    LagRow,
    ProfilerResult,
    ProfilerRow,
    ReportFormat,
    ReportResult,
    StageRow,
    StartProfiler,
    StepRow,
    TaskRow,
    TracedRequest,
    TraceResult,
)
from engine.operations.handlers.binding import CallContext, handles, row_as, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments
from engine.profiling.advice import advice
from engine.profiling.capture import Capture
from engine.profiling.outputs.folder import kept_files, read_kept
from engine.profiling.profiler import ProfilerStatus
from engine.profiling.request_trace import trace
from engine.profiling.stacks import Function, HotFunction

_ROWS = 30


@handles(PROFILER_STATUS)
async def status(services: Services, _call: CallContext, _args: NoArguments) -> ProfilerResult:
    """What it does now."""
    return _shown(services.profiler.status())


@handles(START_PROFILER)
async def start(services: Services, call: CallContext, args: StartProfiler) -> ProfilerResult:
    """Begin a capture. Raises BadInput while one is under way, and for a folder that cannot be written."""
    return _shown(await services.profiler.start(args.kinds, args.rate, args.seconds, call.who))


@handles(STOP_PROFILER)
async def stop(services: Services, call: CallContext, _args: NoArguments) -> ProfilerResult:
    """End it. Raises NotFound while none is under way."""
    await services.profiler.stop(f"stopped by {call.who}")
    return _shown(services.profiler.status())


@handles(PROFILER_REPORT)
async def report(services: Services, _call: CallContext, args: ReportFormat) -> ReportResult:
    """The last capture. Raises NotFound before there was one."""
    capture = services.profiler.capture()
    text = await asyncio.to_thread(services.profiler.rendered, args.format)
    return ReportResult(
        text=text,
        capture=capture.id,
        samples=capture.samples,
        at_work=capture.at_work,
        advice=[AdviceRow(found=each.found, do=each.do) for each in advice(capture)],
        hot=_hot(capture, services.profiler.shares_before),
        steps=_steps(capture),
        tasks=_tasks(capture),
    )


@handles(PROFILER_FILES)
async def files(services: Services, _call: CallContext, _args: NoArguments) -> CapturesResult:
    """Read in a thread."""
    found = await asyncio.to_thread(kept_files, services.settings.captures)
    return CapturesResult(files=rows_as(FileRow, found[:ALL_FILES]))


@handles(READ_PROFILER_FILE)
async def read(services: Services, _call: CallContext, args: FileName) -> FileText:
    """One of them. Raises NotFound."""
    return FileText(text=await asyncio.to_thread(read_kept, services.settings.captures, args.name))


@handles(TRACE_REQUEST)
async def traced(services: Services, _call: CallContext, args: TracedRequest) -> TraceResult:
    """From the remembered events. Raises NotFound for one that is forgotten."""
    found = trace(args.id, services.bus.remembered, services.clock.wall())
    if found is None:
        remedy = "Trace it sooner, or raise `events.history`."
        raise NotFound(f"No request {args.id!r} is remembered from its beginning.", field="id", remedy=remedy)
    return TraceResult(
        stages=rows_as(StageRow, found.stages),
        request=found.request,
        came_at=found.came_at,
        seconds=found.seconds,
        outcome=found.outcome,
        attempts=found.attempts,
    )


def _shown(found: ProfilerStatus) -> ProfilerResult:
    row = ProfilerRow(
        running=found.running,
        capture=found.capture,
        kinds=found.kinds,
        rate=found.rate,
        elapsed=found.elapsed,
        ends_in=found.ends_in,
        samples=found.samples,
        lag=row_as(LagRow, found.lag) if found.lag is not None else None,
        folder=str(found.folder),
        files=found.files,
        problem=found.problem,
    )
    return ProfilerResult(profiler=row)


def _hot(capture: Capture, before: Mapping[tuple[str, str], float]) -> list[HotRow]:
    return [
        HotRow(
            function=each.function.name,
            place=_place(each.function),
            own=each.own,
            total=each.total,
            change=_change(each, before),
            callers=[CallerRow(function=by.name, place=_place(by), share=share) for by, share in each.callers],
        )
        for each in capture.hot
    ]


def _place(function: Function) -> str:
    return f"{function.file}:{function.line}"


def _change(hot: HotFunction, before: Mapping[tuple[str, str], float]) -> float | None:
    return hot.own - before.get((hot.function.name, hot.function.file), 0.0) if before else None


def _steps(capture: Capture) -> list[StepRow]:
    return [
        StepRow(
            at=each.at,
            seconds=each.seconds,
            function=each.functions[-1].name if each.functions else "",
            begun_by=each.functions[0].name if each.functions else "",
        )
        for each in capture.steps[:_ROWS]
    ]


def _tasks(capture: Capture) -> list[TaskRow]:
    rows = capture.tasks.rows[:_ROWS] if capture.tasks is not None else ()
    return [
        TaskRow(name=row.name, count=row.count, stands_in=row.chain[-1] if row.chain else "", awaits=row.awaits)
        for row in rows
    ]
