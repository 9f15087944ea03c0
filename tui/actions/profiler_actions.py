"""Acts on the profiler: captures begin and end; and one request is traced by stage."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from engine.operations.declared.profiler import (
    PROFILER_REPORT,
    START_PROFILER,
    STOP_PROFILER,
    TRACE_REQUEST,
    Kind,
    ReportFormat,
    StartProfiler,
    TracedRequest,
    TraceResult,
)
from engine.operations.operation import NoArguments
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line

if TYPE_CHECKING:
    from engine.events.state import State
    from tui.actions.host import ConsoleHost
    from tui.feeds.base import Feed

_ALL: tuple[Kind, ...] = ("cpu", "memory", "tasks", "blocking")
_CHOICE = 40
"""Requests that can be chosen to be traced."""
_BAR = 24


async def start(console: ConsoleHost, feed: Feed) -> str | None:
    """Capture what costs little."""
    return await _start(console, feed, StartProfiler())


async def start_all(console: ConsoleHost, feed: Feed) -> str | None:
    """Capture allocations too."""
    return await _start(console, feed, StartProfiler(kinds=_ALL))


async def end(_console: ConsoleHost, feed: Feed) -> str | None:
    """End the capture under way."""
    ended = (await feed.send(STOP_PROFILER, NoArguments())).profiler
    if ended.problem:
        return f"{ended.problem} The capture is kept in memory."
    return f"Captured {ended.samples} samples; files in {clean(ended.folder)}."


async def report(console: ConsoleHost, feed: Feed) -> str | None:
    """Read the report of the last capture."""
    text = (await feed.send(PROFILER_REPORT, ReportFormat())).text
    console.navigation.read_whole("profiler report", text)
    return None


async def trace(console: ConsoleHost, feed: Feed) -> str | None:
    """Choose a request, and read where its time went."""
    options = requests_of(console.store.live, console.store.live_now)
    if not options:
        return "There is no request to trace yet."
    chosen = await console.dialogs.choose("TRACE A REQUEST", options, "", keys="enter trace · esc close")
    if chosen is not None:
        found = await feed.send(TRACE_REQUEST, TracedRequest(id=chosen))
        console.navigation.read_whole("one request", traced_text(found))
    return None


ACTS: Mapping[str, Callable[[ConsoleHost, Feed], Coroutine[Any, Any, str | None]]] = {
    "start": start,
    "start_all": start_all,
    "end": end,
}


def requests_of(state: State, now: float) -> list[tuple[str, str]]:
    """The requests that can be traced, each with its line: those under way, then the ended ones, the newest first."""
    rows = [
        (each.id, _choice("running", now - each.queued_at, each.prompt)) for each in reversed(state.requests.values())
    ]
    rows += [
        (each.request, _choice("ended" if each.ok else "failed", each.seconds, each.prompt))
        for each in reversed(state.stages)
    ]
    return rows[:_CHOICE]


def _choice(how: str, seconds: float, prompt: str) -> str:
    return f"{how:>7} {formats.seconds(seconds):>7}  {clean(prompt)}"


def traced_text(found: TraceResult) -> str:
    """A request's stages as lines, each with its bar over the whole time."""
    whole = max(found.seconds, 1e-9)
    lines = [
        f"{clean(found.request)}: {found.outcome} after {formats.seconds(found.seconds)}, attempts: {found.attempts}",
        "",
    ]
    for stage in found.stages:
        lead = " " * round(_BAR * stage.began / whole)
        bar = "━" * max(1, round(_BAR * stage.seconds / whole))
        lines.append(
            f"{stage.name:<12} {stage.seconds:>8.3f} s  {lead + bar:<{_BAR + 1}}  {clean(stage.detail)}".rstrip()
        )
    return "\n".join(lines)


async def _start(console: ConsoleHost, feed: Feed, what: StartProfiler) -> str | None:
    costs = (
        "allocations are traced: the engine is several times slower"
        if "memory" in what.kinds
        else "about 2 % of its CPU"
    )
    facts: list[Line] = [
        [("captures      ", "muted"), (", ".join(what.kinds), "")],
        [("costs         ", "muted"), (costs, "")],
        [("what happens  ", "muted"), ("it stops by itself, and its files are written", "")],
        [("same as       ", "muted"), ("quarterdeck profiler start", "")],
    ]
    if not await console.dialogs.confirm("START THE PROFILER", facts, "start", "leave it off"):
        return None
    started = (await feed.send(START_PROFILER, what)).profiler
    return f"Captures {', '.join(started.kinds)} for {formats.span(started.ends_in)}."
