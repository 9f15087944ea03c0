"""The profiler over any screen: its state, the three things to do, and what the last capture found."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from engine.base.errors import NotFound
from engine.operations.declared.profiler import (
    PROFILER_REPORT,
    PROFILER_STATUS,
    START_PROFILER,
    STOP_PROFILER,
    Kind,
    ProfilerRow,
    ReportFormat,
    ReportResult,
    StartProfiler,
)
from engine.operations.operation import NoArguments
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.spans import Line
from tui.screens.fetched_list import FetchedList, FetchedRow

if TYPE_CHECKING:
    from tui.feeds.base import Feed

_HOT, _STEPS, _TASKS = 12, 6, 6
_ALL: tuple[Kind, ...] = ("cpu", "memory", "tasks", "blocking")


class ProfilerList(FetchedList):
    """S starts a capture, M one that traces memory too, E ends it; enter reads the whole report."""

    HEAD = f"{'WHAT':<10} {'MEASURED':>17}  WHERE"
    NOTHING = "The engine answers nothing about its profiler."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "read", show=False),
        Binding("S", "start", show=False),
        Binding("M", "start_all", show=False),
        Binding("E", "end", show=False),
    ]

    def __init__(self) -> None:
        super().__init__("PROFILER", "S start · M with memory · E end · enter report", self._fetched)

    async def _fetched(self, feed: Feed) -> Sequence[FetchedRow]:
        """The state, and the last capture where there is one."""
        state = (await feed.send(PROFILER_STATUS, NoArguments())).profiler
        rows = [*_state(state)]
        try:
            report = await feed.send(PROFILER_REPORT, ReportFormat())
        except NotFound:
            return rows
        return [*rows, *_report(report)]

    def action_start(self) -> None:
        """Capture what costs little."""
        self._act(lambda feed: self._start(feed, StartProfiler()))

    def action_start_all(self) -> None:
        """Capture allocations too."""
        self._act(lambda feed: self._start(feed, StartProfiler(kinds=_ALL)))

    def action_end(self) -> None:
        """End the capture under way."""
        self._act(self._end)

    def action_read(self) -> None:
        """Read the report of the last capture."""
        if (feed := self.console.feed) is not None:
            self.console.carry_out(self._read(feed))

    def _act(self, work: Callable[[Feed], Coroutine[Any, Any, str | None]]) -> None:
        if refusal := self.console.refusal:
            self.console.notify(refusal, severity="warning")
        elif (feed := self.console.feed) is not None:
            self.console.carry_out(work(feed))

    async def _start(self, feed: Feed, what: StartProfiler) -> str | None:
        costs = "allocations are traced: the engine is several times slower" if "memory" in what.kinds else "about 1 %"
        facts: list[Line] = [
            [("captures      ", "muted"), (", ".join(what.kinds), "")],
            [("costs         ", "muted"), (costs, "")],
            [("what happens  ", "muted"), ("it stops by itself, and its files are written", "")],
            [("same as       ", "muted"), ("quarterdeck profiler start", "")],
        ]
        if not await self.console.dialogs.confirm("START THE PROFILER", facts, "start", "leave it off"):
            return None
        started = (await feed.send(START_PROFILER, what)).profiler
        self.action_reload()
        return f"Captures {', '.join(started.kinds)} for {formats.span(started.ends_in)}."

    async def _end(self, feed: Feed) -> str | None:
        ended = (await feed.send(STOP_PROFILER, NoArguments())).profiler
        self.action_reload()
        return ended.problem or f"Captured {ended.samples} samples; files in {clean(ended.folder)}."

    async def _read(self, feed: Feed) -> str | None:
        text = (await feed.send(PROFILER_REPORT, ReportFormat())).text
        if self.app.screen is self:
            self.console.navigation.read_whole("profiler report", text)
        return None


def _state(state: ProfilerRow) -> Iterator[FetchedRow]:
    what = ", ".join(state.kinds)
    if state.running:
        yield _row("state", "state", "running", f"{what} at {state.rate:g} Hz, ends in {formats.span(state.ends_in)}")
    else:
        last = f"last: {state.capture}, {what}, {formats.span(state.elapsed)}" if state.capture else "nothing captured"
        yield _row("state", "state", "off", last, state.problem)
    yield _row("samples", "samples", str(state.samples), clean(state.folder), ", ".join(state.files))
    if state.lag is not None:
        lag = state.lag
        yield _row(
            "lag", "loop lag", f"{lag.p99 * 1e3:.1f} ms p99", f"p50 {lag.p50 * 1e3:.1f}, most {lag.most * 1e3:.0f}"
        )


def _report(report: ReportResult) -> Iterator[FetchedRow]:
    for number, each in enumerate(report.advice, 1):
        yield _row(f"do {number}", f"do {number}", "", clean(each.do), clean(each.found))
    for number, hot in enumerate(report.hot[:_HOT]):
        shares = f"{hot.own:.1%} of {hot.total:.1%}"
        yield _row(f"hot {number}", "function", shares, f"{clean(hot.function)}  {clean(hot.place)}")
    for number, step in enumerate(report.steps[:_STEPS]):
        by = f"begun by {clean(step.begun_by)}" if step.begun_by else ""
        yield _row(f"step {number}", "blocked", f"{step.seconds * 1e3:.0f} ms", clean(step.function), by)
    for number, task in enumerate(report.tasks[:_TASKS]):
        stands = f"stands in {clean(task.stands_in)}, awaits {clean(task.awaits)}"
        yield _row(f"task {number}", "tasks", str(task.count), clean(task.name), stands)


def _row(key: str, what: str, measured: str, where: str, about: str = "") -> FetchedRow:
    return FetchedRow(key, f"{what:<10} {measured:>17}  {where}", about or where)
