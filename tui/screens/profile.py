"""The Profile screen: what the engine and the console take, where the time goes, and captures on and off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType

from engine.base.errors import QuarterdeckError
from engine.events.indicators import Indicators, indicators
from engine.operations.declared.profiler import PROFILER_REPORT, HotRow, ReportFormat, ReportResult
from tui.actions import profiler_actions
from tui.actions.registry import KeyScope, bindings
from tui.model.link import LinkState
from tui.render.spans import Line, columns, crop, rule
from tui.screens import list_lines
from tui.screens import profile_lines as draw
from tui.screens.list_screen import ListScreen

_TALL = 28
"""Lines from which on every block has its usual height."""
_USUAL, _HIGHEST = 32, 12
"""Lines of the body that a terminal of the usual size has, and those of a chart in the tallest one."""
_WIDE = 110
"""Cells from which on the steps and the stages stand side by side."""


class ProfileScreen(ListScreen[HotRow]):
    """The cursor is a function of the last capture; the engine is asked for that, which is in no event."""

    SCOPE = KeyScope.PROFILER
    MODE = "profiler"
    CSS_PATH = "list_screen.tcss"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(KeyScope.PROFILER))

    def __init__(self) -> None:
        super().__init__(draw.HOT)
        self._report: ReportResult | None = None
        self._problem = ""
        self._read: tuple[float, float] | None = None
        self._baseline: ReportResult | None = None

    def items(self) -> Sequence[HotRow]:
        """The functions of the last capture; in the past none, for no recording holds it."""
        if self.store.past or self._report is None:
            return ()
        return draw.since(self._baseline, self._report.hot) if self._baseline is not None else self._report.hot

    def paint_body(self) -> None:
        """What is known, and the last capture read again where there is another one."""
        super().paint_body()
        state = self.store.live
        wanted = (state.engine.started_at, state.profiler.ended_at)
        if wanted != self._read and self.store.status.link is LinkState.LIVE and self.console.feed is not None:
            self._read = wanted
            self.run_worker(self._load(), group="capture", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        if (feed := self.console.feed) is None:
            return
        try:
            self._report, self._problem = await feed.send(PROFILER_REPORT, ReportFormat()), ""
        except QuarterdeckError as error:
            self._report = None
            self._problem = "" if error.code == "not_found" else str(error)
        self.paint()

    def draw(self, width: int, height: int) -> list[Line]:
        """Charts with their facts, functions, steps and stages, and what is captured."""
        state, tall = self.store.state, height >= _TALL
        found = indicators(state, state.performance.reading)
        above = self._charts(found, width, min(_HIGHEST, 4 + max(0, height - _USUAL) // 2) if tall else 3)
        below = self._steps_and_stages(found, width, tall=tall)
        below += draw.record(state, self.store.now, self.console.keys, width, acts=not self.console.is_read_only)
        return [*above, *self._functions(width, max(3, height - len(above) - len(below))), *below]

    def _charts(self, found: Indicators, width: int, high: int) -> list[Line]:
        state, cost = self.store.state, self.console.own_cost
        half, most = (width - 2) // 2, min(4, high)
        lag = f"ENGINE LOOP LAG  p50 {draw.ms(found.lag_p50)}  p99 {draw.ms(found.lag_p99)} ms"
        frame = f"CONSOLE FRAME  p50 {draw.ms(cost.frame_p50)}  p95 {draw.ms(cost.frame_p95)} ms"
        if half < draw.ROOMY:
            lag, frame = f"ENGINE LAG p99 {draw.ms(found.lag_p99)}ms", f"FRAME p95 {draw.ms(cost.frame_p95)}ms"
        left = draw.chart(lag, state.performance.lags, draw.LAG_BUDGET_S, half, high)
        right = draw.chart(frame, list(cost.frames), draw.FRAME_BUDGET_S, width - half - 2, high)
        uptime = self.store.now - state.engine.started_at if state.engine.started_at else 0.0
        own = draw.console_facts(cost, self.console.theming.refresh_hz, self.store.status)
        left += draw.facts_lines(draw.engine_facts(found, uptime, whole=high > 3), half, most)
        right += draw.facts_lines(own, width - half - 2, most)
        return columns(left, right, half + 2, width)

    def _functions(self, width: int, height: int) -> list[Line]:
        base = self._baseline.capture if self._baseline is not None else ""
        note = "" if self._report is None or self.store.past else draw.counted(self._report, base, wide=width >= _WIDE)
        lines = [rule("WHERE TIME GOES", width, note)]
        if self.shown.order:
            return lines + list_lines.table(self.shown, self.store.now, width, height - 1)
        keys = self.console.keys
        empty = draw.empty(self._report, self._problem, keys, past=self.store.past)
        text = list_lines.nothing(self.shown, empty, keys.shown("profiler.back"))
        filled: list[Line] = [[] for _ in range(height - 2)]
        return [*lines, crop([(f"  {text}", "muted")], width), *filled]

    def _steps_and_stages(self, found: Indicators, width: int, *, tall: bool) -> list[Line]:
        report = None if self.store.past else self._report
        if width < _WIDE:
            return [*draw.steps_lines(report, width, 4 if tall else 1), *draw.breakdown(found, width, 5 if tall else 2)]
        left = (width - 2) // 2
        steps, stages = draw.steps_lines(report, left, 5), draw.breakdown(found, width - left - 2, 6)
        return columns(steps, stages, left + 2, width)

    # looks

    def action_open(self) -> None:
        """Read the whole report of the last capture."""
        if self._report is None or self.store.past:
            self.console.notify(draw.empty(None, self._problem, self.console.keys, past=self.store.past).capitalize())
        elif (feed := self.console.feed) is not None:
            self.do(profiler_actions.report(self.console, feed))

    def action_callers(self) -> None:
        """Read who calls the function under the cursor."""
        if (row := self.shown.row) is None:
            self.console.notify("There is no function under the cursor.")
        else:
            self.console.navigation.read_whole(f"callers of {row.function}", draw.callers_text(row))

    def action_baseline(self) -> None:
        """Compare with the capture in sight from now on; once more, with the one before each again."""
        if self._report is None or self.store.past:
            self.console.notify(draw.empty(None, self._problem, self.console.keys, past=self.store.past).capitalize())
            return
        again = self._baseline is not None and self._baseline.capture == self._report.capture
        self._baseline = None if again else self._report
        self.shown.listing = draw.HOT if again else draw.HOT_SINCE_BASELINE
        self.console.notify(
            "Each capture is compared with the one before."
            if again
            else "The next captures are compared with this one."
        )
        self.paint()

    def action_trace(self) -> None:
        """Choose a request, and read its stages; that reads, so it may also be done where nothing may be acted on."""
        if self.store.past or self.store.status.link is not LinkState.LIVE:
            self.console.notify("Only a running engine can trace a request.", severity="warning")
        elif (feed := self.console.feed) is not None:
            self.do(profiler_actions.trace(self.console, feed))

    def action_act(self, name: str) -> None:
        """Start or end a capture."""
        if not self.is_roomy:
            super().action_act(name)
        elif (feed := self.live_feed()) is not None:
            self.do(profiler_actions.ACTS[name](self.console, feed))
