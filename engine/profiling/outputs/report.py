"""A capture as a report in Markdown: the three things to do first, then what was measured."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from engine.profiling.advice import advice
from engine.profiling.capture import Capture
from engine.profiling.stacks import Function

_ROWS, _DEPTH = 15, 8


def report(capture: Capture) -> str:
    """The text."""
    began = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(capture.began))
    lines = [
        f"# Profile {capture.id}",
        "",
        f"{began}, {capture.seconds:.1f} s, {', '.join(capture.kinds)}.",
        "",
        "## What to do",
        "",
        *(f"{number}. {each.found} {each.do}" for number, each in enumerate(advice(capture), 1)),
    ]
    for part in (_cpu, _sessions, _loop, _tasks, _memory):
        lines += part(capture)
    return "\n".join(lines) + "\n"


def _cpu(capture: Capture) -> Iterator[str]:
    if "cpu" not in capture.kinds:
        return
    yield from ("", "## CPU of the engine", "")
    busy = capture.engine_cpu / max(capture.seconds, 1e-9)
    cost = capture.sampler_cpu / max(capture.seconds, 1e-9)
    yield f"{capture.engine_cpu:.2f} s of CPU ({busy:.1%} of one), {capture.engine_rss / 1024**2:.0f} MB resident."
    yield (
        f"{capture.samples} samples at {capture.rate:g} Hz, {capture.missed} came too late; the sampler itself took "
        f"{cost:.2%} of one CPU. Shares are of {capture.at_work} stacks at work; threads that waited are not counted "
        f"({capture.waiting})."
    )
    if capture.other:
        yield f"{capture.other} samples of rare stacks are left out."
    rows = [(f"{hot.own:.1%}", f"{hot.total:.1%}", _name(hot.function)) for hot in capture.hot[:_ROWS]]
    yield from _table(("self", "total", "function"), rows)


def _sessions(capture: Capture) -> Iterator[str]:
    if not capture.sessions:
        return
    yield from ("", "## CPU and memory of the sessions", "")
    first = sorted(capture.sessions, key=lambda each: -each.cpu)
    rows = [
        (each.session, f"{each.cpu:.2f} s", f"{each.rss / 1024**2:.0f} MB", str(each.processes))
        for each in first[:_ROWS]
    ]
    yield from _table(("session", "CPU", "resident", "processes"), rows)


def _loop(capture: Capture) -> Iterator[str]:
    if capture.lag is None:
        return
    lag = capture.lag
    yield from ("", "## Event loop", "")
    yield f"Lag: {lag.p50 * 1e3:.1f} ms p50, {lag.p99 * 1e3:.1f} ms p99, {lag.most * 1e3:.1f} ms at most."
    yield f"Steps longer than {capture.threshold * 1e3:.0f} ms: {capture.blocking}."
    for step in capture.steps[:_ROWS]:
        at = time.strftime("%H:%M:%S", time.gmtime(step.at))
        stack = " → ".join(f"`{_name(each)}`" for each in step.functions[-_DEPTH:]) or "`(no Python frame)`"
        yield f"- {at}, {step.seconds * 1e3:.0f} ms: {stack}"


def _tasks(capture: Capture) -> Iterator[str]:
    if capture.tasks is None:
        return
    yield from ("", f"## Tasks: {capture.tasks.total}", "")
    rows = [
        (str(row.count), row.name, row.chain[-1] if row.chain else "", row.awaits) for row in capture.tasks.rows[:_ROWS]
    ]
    yield from _table(("count", "task", "stands in", "awaits"), rows)


def _memory(capture: Capture) -> Iterator[str]:
    memory = capture.memory
    if memory is None:
        return
    yield from ("", "## Memory allocated during the capture", "")
    held, peak = memory.held / 1024**2, memory.peak / 1024**2
    yield f"{held:.1f} MB held at the end, {peak:.1f} MB at most; tracing took {memory.overhead / 1024**2:.1f} MB."
    rows = [(f"{each.size / 1024:.0f} KB", str(each.count), each.place) for each in memory.lines[:_ROWS]]
    yield from _table(("held", "blocks", "line"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(' --- ' for _ in head)}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _name(function: Function) -> str:
    return f"{function.name} ({function.file}:{function.line})"
