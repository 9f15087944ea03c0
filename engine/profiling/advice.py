"""The three things to do about a capture: pure rules over what was measured, the weightiest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.profiling.capture import Capture

MOST = 3
_LAG_S, _HOT_SHARE, _FEW_SAMPLES, _MANY_ALIKE, _MISSED_SHARE = 0.02, 0.1, 200, 1000, 0.1
_HELD, _BUSY = 64 * 1024**2, 0.7


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do: what was measured, what to do about it, and how much it weighs."""

    weight: float
    found: str
    do: str


def advice(capture: Capture) -> list[Advice]:
    """At most three, the weightiest first; one that reports that nothing stands out when no rule fires."""
    found = sorted(_all(capture), key=lambda each: -each.weight)[:MOST]
    if found:
        return found
    return [Advice(0.0, "Nothing that was measured stands out.", "Capture again while the engine is slow.")]


def _all(capture: Capture) -> Iterator[Advice]:
    for rule in (_steps, _lag, _hot, _sessions, _memory, _tasks, _sampling):
        yield from rule(capture)


def _steps(capture: Capture) -> Iterator[Advice]:
    if capture.steps:
        step = capture.steps[0]
        where = f"{step.functions[-1].name} ({step.functions[-1].file})" if step.functions else "a callback"
        began = f", begun by {step.functions[0].name}" if len(step.functions) > 1 else ""
        yield Advice(
            3 + step.seconds,
            f"{capture.blocking} steps of the event loop blocked it; the longest took {_ms(step.seconds)} in {where}"
            f"{began}.",
            "Move that work to a thread (`asyncio.to_thread`), or split it by awaiting between its parts.",
        )


def _lag(capture: Capture) -> Iterator[Advice]:
    lag = capture.lag
    if lag is not None and lag.p99 > _LAG_S and not capture.steps:
        yield Advice(
            2 + lag.p99,
            f"The event loop runs late: {_ms(lag.p99)} at the 99th percentile, though no single step is long.",
            "Lower `session_pool.max_size`, or give the machine more CPU: many short steps queue up.",
        )


def _hot(capture: Capture) -> Iterator[Advice]:
    busy = capture.engine_cpu / capture.seconds if capture.seconds else 0.0
    for hot in capture.hot[:2]:
        if hot.own >= _HOT_SHARE and min(capture.samples, capture.at_work) >= _FEW_SAMPLES:
            yield Advice(
                1 + hot.own * max(busy, 0.1),
                f"{hot.function.name} ({hot.function.file}:{hot.function.line}) takes {hot.own:.0%} of the samples at "
                f"work, and the engine {busy:.0%} of one CPU.",
                "Open the flame graph at that function, and call it less often or make it cheaper.",
            )


def _sessions(capture: Capture) -> Iterator[Advice]:
    cpu = sum(each.cpu for each in capture.sessions)
    if cpu > capture.engine_cpu and cpu / max(capture.seconds, 1e-9) > _BUSY:
        first = max(capture.sessions, key=lambda each: each.cpu)
        yield Advice(
            1 + cpu / (cpu + capture.engine_cpu),
            f"The CLIs took {cpu:.1f} s of CPU and the engine {capture.engine_cpu:.1f} s; {first.session} took most, "
            f"{first.cpu:.1f} s.",
            f"Look at what it runs (`quarterdeck sessions show {first.session}`), or run fewer at once.",
        )


def _memory(capture: Capture) -> Iterator[Advice]:
    memory = capture.memory
    if memory is not None and memory.held > _HELD and memory.lines:
        line = memory.lines[0]
        yield Advice(
            1 + line.size / memory.held,
            f"{_mb(memory.held)} of what was allocated is still held; {_mb(line.size)} of it by {line.place}.",
            "Bound what that line keeps, or give it back earlier.",
        )


def _tasks(capture: Capture) -> Iterator[Advice]:
    if capture.tasks is not None and capture.tasks.rows and capture.tasks.rows[0].count >= _MANY_ALIKE:
        row = capture.tasks.rows[0]
        yield Advice(
            1.5,
            f"{row.count} tasks named {row.name} wait at the same place.",
            "Bound how many of them there are, or raise the limit that they wait for.",
        )


def _sampling(capture: Capture) -> Iterator[Advice]:
    taken = capture.samples + capture.missed
    if capture.samples and capture.missed > taken * _MISSED_SHARE:
        yield Advice(
            0.6,
            f"{capture.missed} of {taken} samples came too late: the CPU is short, or a call held the interpreter.",
            "Lower the rate, and read shares of functions as estimates.",
        )
    elif 0 < capture.samples < _FEW_SAMPLES and "cpu" in capture.kinds:
        yield Advice(0.5, f"{capture.samples} samples are few.", "Capture for longer, or at a higher rate.")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _mb(size: int) -> str:
    return f"{size / 1024**2:.1f} MB"
