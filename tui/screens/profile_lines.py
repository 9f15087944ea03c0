"""The blocks of the Profile screen as lines: what the engine and the console take, and where the time goes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.events.indicators import Indicators
from engine.events.state import State
from engine.operations.declared.profiler import HotRow, ReportResult, StepRow
from tui.actions.keymap import Keymap
from tui.model.columns import Column
from tui.model.link import FeedStatus
from tui.model.own_cost import OwnCost
from tui.model.sort import Sort
from tui.model.tables import Listing, command
from tui.render import formats
from tui.render.plain_text import clean
from tui.render.plots import area
from tui.render.spans import Line, crop, fit, rule, width_of

LAG_BUDGET_S, FRAME_BUDGET_S = 0.020, 0.016
_BAR = 16
_AXIS = 8
"""Cells of a chart's axis, where there is one."""
ROOMY = 48
"""Cells of a chart from which on it has one."""
_WHOLE_BAR = 0.5
"""Share of the samples that fills a function's bar."""
_SHOWN_S = 0.001
"""Seconds from which on a stage has a bar."""
_GREW = 0.02
"""Growth of a function's share from which on it is marked."""
STAGES = {
    "queue": "queue wait", "first_token": "first token", "stream": "stream", "tools": "tool run", "people": "people",
    "engine": "engine",
}  # fmt: skip

Fact = tuple[str, str]
"""What is measured, and its value."""


def ms(seconds: float) -> str:
    """Milliseconds with as many decimals as matter."""
    return f"{seconds * 1e3:.1f}" if seconds < 0.00995 else f"{seconds * 1e3:.0f}"


def chart(title: str, values: Sequence[float], budget: float, width: int, height: int) -> list[Line]:
    """A title with its budget, and the last values from zero to the largest; what is not known is blank."""
    known = [value for value in values if value >= 0]
    top = max(known, default=0.0)
    lines = [rule(title, width, f"budget {budget * 1e3:.0f} ms" if width >= ROOMY else f"{budget * 1e3:.0f}")]
    axis = _AXIS if width >= ROOMY else 0
    role = "retry" if top > budget else "run"
    for number, row in enumerate(area(values, width - axis, height)):
        label = {0: f"{ms(top)}ms", height - 1: "0"}.get(number, "")
        lead: Line = [(f"{label:>{axis - 1}}│", "muted")] if axis else []
        lines.append([*lead, (row, role)])
    return lines


def facts_lines(facts: Sequence[Fact], width: int, most: int) -> list[Line]:
    """Facts one after another, as many as fit into so many lines; each stays whole."""
    lines: list[Line] = [[]]
    for name, value in facts:
        spans: Line = [(f"{name} ", "muted"), (value, "")]
        gap = 2 if lines[-1] else 0
        if width_of(lines[-1]) + gap + width_of(spans) > width:
            if len(lines) == most:
                break
            lines.append([])
            gap = 0
        lines[-1] += [(" " * gap, ""), *spans]
    return [crop(line, width) for line in lines]


def engine_facts(found: Indicators, uptime: float, *, whole: bool) -> list[Fact]:
    """The engine's process, then what its parts report; the most telling alone where not the `whole` fits."""
    hits = "–" if found.hit_rate is None else f"{found.hit_rate:.0%} in {found.hit_time * 1e6:.0f}us"
    facts = [
        ("cpu", f"{found.cpu:.0f}%"),
        ("rss", formats.size(found.memory)),
        ("fds", formats.count(found.descriptors)),
        ("threads", str(found.threads)),
        ("events", f"{found.events:.0f}/s"),
        ("drops", formats.count(found.events_dropped)),
        ("gen2", _oldest(found, uptime, whole=whole)),
        ("cache", hits),
        ("wait p95", formats.took(found.wait_p95)),
    ]
    if not whole:
        return facts
    young = found.garbage[0] if found.garbage else None
    return [
        *facts,
        ("gen0", f"{formats.count(young.runs)} runs, {young.seconds:.1f}s" if young is not None else "–"),
        ("blocks", f"{formats.count(found.blocks)} {found.block_growth:+.0f}/s"),
        ("dropped", formats.count(found.queue_dropped)),
        ("refused", formats.count(found.refused)),
        ("lowered limits", str(found.limits_lowered)),
    ]


def _oldest(found: Indicators, uptime: float, *, whole: bool) -> str:
    """The runs of the garbage collector over all objects, which hold the loop up longest."""
    oldest = found.garbage[-1] if found.garbage else None
    if oldest is None or not oldest.runs:
        return "–" if oldest is None else "no run"
    took = f"{ms(oldest.seconds / oldest.runs)}ms"
    every = f"every {formats.span(uptime / oldest.runs)}, {took}" if uptime > 0 else took
    return f"{formats.plural(oldest.runs, 'run')}, {every}" if whole else f"{oldest.runs}x {took}"


def console_facts(cost: OwnCost, rate: float, link: FeedStatus) -> list[Fact]:
    """The console in the same units; over a wire with what a ping takes."""
    wire = [("ping", f"{ms(link.round_trip)}ms")] if link.round_trip else []
    key = "–" if cost.key_to_paint is None else f"{ms(cost.key_to_paint)}ms"
    return [
        ("refresh", f"{rate:g}Hz"),
        ("cpu", f"{cost.cpu_share:.1f}%"),
        ("key→paint", key),
        ("to terminal", f"{formats.size(cost.bytes_rate)}/s"),
        ("events in", f"{cost.events_rate:.0f}/s"),
        *wire,
        ("engine", clean(link.source)),
    ]


def counted(report: ReportResult, baseline: str, *, wide: bool) -> str:
    """Of how many samples the shares are, for an engine at rest has hardly any; and which capture is the base."""
    of = f"shares of {report.at_work:,} at work in {formats.plural(report.samples, 'sample')}"
    base = f" · base {baseline}" if baseline else ""
    return f"{of} · capture {report.capture}{base}" if wide else of


def since(baseline: ReportResult, hot: Sequence[HotRow]) -> list[HotRow]:
    """Functions with what they have gained against the baseline; one that was not among its first is not compared."""
    own = {(row.function, row.place): row.own for row in baseline.hot}
    then = [own.get((row.function, row.place)) for row in hot]
    return [replace(row, change=None if base is None else row.own - base) for row, base in zip(hot, then, strict=True)]


def callers_text(row: HotRow) -> str:
    """Who called a function, the most frequent first."""
    if not row.callers:
        return "Nobody: it is the first function of its thread."
    lines = [f"{each.share:>6.1%}  {clean(each.function)}  {clean(each.place)}" for each in row.callers]
    return "\n".join(["Shares of the samples at work in which each called it.", "", *lines])


def steps_lines(report: ReportResult | None, width: int, most: int, *, titled: bool = True) -> list[Line]:
    """The long steps of the event loop in the last capture, the longest first."""
    lines = [rule("SLOW CALLBACKS" + ("  of the last capture" if titled else ""), width)]
    if report is None or not report.steps:
        what = "no capture yet" if report is None else "none in the last capture"
        return [*lines, [(f"  {what}", "muted")]]
    return [*lines, *(_step(each, width) for each in report.steps[:most])]


def _step(each: StepRow, width: int) -> Line:
    by = f"  begun by {clean(each.begun_by)}" if each.begun_by and each.begun_by != each.function else ""
    took = f"{each.seconds * 1e3:>6.0f} ms"
    return crop(
        [(f"  {formats.clock(each.at)} ", "muted"), (took, "retry"), (f"  {clean(each.function)}", ""), (by, "muted")],
        width,
    )


def breakdown(found: Indicators, width: int, most: int) -> list[Line]:
    """Where the time of the median request goes."""
    if not found.requests:
        return [rule("TURN BREAKDOWN", width), [("  no request was answered yet", "muted")]]
    title = f"TURN BREAKDOWN  p50 of {formats.seconds(found.request_p50)}"
    lines = [rule(title, width, f"last {found.requests}" if width >= ROOMY else "")]
    shown = [each for each in found.stages if each.name != "people" or each.seconds]
    longest = max((each.seconds for each in shown), default=0.0)
    per_line = -(-len(shown) // most)
    cells = width // per_line
    bar = max(3, cells - 26)
    texts: list[Line] = []
    for each in shown:
        filled = "█" * max(1 if each.seconds >= _SHOWN_S else 0, round(bar * each.seconds / longest if longest else 0))
        texts.append(
            [(f"  {STAGES[each.name]:<12}", "muted"), (f"{filled:<{bar}}", "run"), (f" {each.seconds:.3f} s", "")]
        )
    for first in range(0, len(texts), per_line):
        line: Line = []
        for text in texts[first : first + per_line]:
            line += [*text, (" " * max(0, cells - width_of(text)), "")]
        lines.append(crop(line, width))
    return lines


def record(state: State, now: float, keys: Keymap, width: int, *, acts: bool) -> list[Line]:
    """Whether something is captured, what was last, and what to press; without `acts` only what looks."""
    view = state.profiler
    start, ends = keys.shown("profiler.start"), keys.shown("profiler.end")
    lines = [rule("RECORD", width)]
    long = width >= ROOMY * 2
    offered: Line = [("  ", "")]
    if acts:
        offered += [(start, "key"), (" start a capture  " if long else " start  ", "muted")]
        offered += [(keys.shown("profiler.start_all"), "key"), (" with memory  ", "muted")]
    offered += [(keys.shown("profiler.trace"), "key"), (" trace a request" if long else " trace", "muted")]
    if view.running:
        left = formats.span(max(0.0, view.ends_at - now))
        text = f"  ● captures {', '.join(view.kinds)} at {view.rate:g} Hz, ends in {left}   "
        end: Line = [(ends, "key"), (" end it now", "muted")] if acts else []
        return [*lines, crop([(text, "run"), *end], width)]
    if not view.ended_at:
        return [*lines, crop(offered, width)]
    last = f"   last {formats.clock(view.ended_at)}, {view.seconds:.1f}s, {formats.count(view.samples)} samples"
    lines.append(crop([*offered, (last, "")], width))
    return [*lines, crop([(f"  {clean(view.problem)}", "fail")], width)] if view.problem else lines


def empty(report: ReportResult | None, problem: str, keys: Keymap, *, past: bool) -> str:
    """Why there are no functions, and what to press."""
    if past:
        return f"no recording holds captures; {keys.shown('time.live')} goes back to now"
    if problem:
        return problem
    start = keys.shown("profiler.start")
    if report is None:
        return f"no capture yet; {start} starts one, which ends by itself"
    return f"the last capture found no function at work; {start} starts another one"


def _change(row: HotRow) -> str:
    if row.change is None:
        return "–"
    return f"{row.change * 100:+.1f}{'▲' if row.change >= _GREW else ' '}"


def _bar(row: HotRow) -> str:
    filled = min(_BAR, round(_BAR * row.own / _WHOLE_BAR))
    return fit("━" * filled + "─" * (_BAR - filled), _BAR)


def _hot(compared: str) -> Listing[HotRow]:
    """The functions of a capture; `compared` heads the column of what each has gained."""
    return Listing(
        "profile",
        "function",
        (
            Column(
                "self", "SELF", 6, 0, lambda r, _: f"{r.own:.1%}", lambda r: r.own, lambda r, _: r.own * 100, "right",
                most_first=True, unit="percent",
            ),
            Column(
                "total", "TOTAL", 6, 1, lambda r, _: f"{r.total:.1%}", lambda r: r.total, lambda r, _: r.total * 100,
                "right", most_first=True, unit="percent",
            ),
            Column("function", "FUNCTION", 22, 0, lambda r, _: clean(r.function), lambda r: r.function,
                   lambda r, _: r.function, flex=True),
            Column("file", "FILE", 30, 3, lambda r, _: clean(r.place), lambda r: r.place, lambda r, _: r.place),
            Column("bar", "", _BAR, 4, lambda r, _: _bar(r), lambda r: r.own, lambda _r, _: "", role=lambda _: "run"),
            Column(
                "change", compared, 7, 2, lambda r, _: _change(r), lambda r: r.change or 0.0,
                lambda r, _: None if r.change is None else r.change * 100, "right", most_first=True, unit="percent",
                role=lambda r: "retry" if (r.change or 0.0) >= _GREW else "muted",
            ),
        ),
        lambda row: f"{row.function} {row.place}",
        lambda _row: command("profiler", "report"),
        Sort("self", descending=True),
    )  # fmt: skip


HOT, HOT_SINCE_BASELINE = _hot("VS LAST"), _hot("VS BASE")
"""The functions of the last capture by the share of the samples in themselves."""
