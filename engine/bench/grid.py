"""The rows of group `console` about the live grid: a thousand sessions, a tenth of them changing at every refresh.

The program replays a recording in a terminal of its own: first a stretch in which nothing changes, seen on the Queue,
which has nothing to draw then; then the busy one, seen on Sessions. What both have in common is not the grid's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.base.clock import ManualClock
from engine.base.process import python_module
from engine.bench.cpu import cpu_seconds
from engine.bench.figures import Figure, at_most, figure
from engine.bench.sample_recording import START
from engine.bench.terminal import Terminal
from engine.events import types as ev
from engine.events.bus import Bus
from engine.events.recorder import Recorder
from engine.events.types import AnyEvent, SessionState

SESSIONS = 1000
CHANGED = SESSIONS // 10
"""Sessions whose row changes between two refreshes."""
HZ = 2.0
SIZES = (((120, 36), 4.0), ((80, 24), 2.0))
"""Columns and lines of the terminals, with the most kilobytes that a refresh may write there."""
_CPU_MS = 8.0
_SETTLE_S, _PATIENCE_S = 2.0, 60.0
_AGE_S = 26 * 3600.0
"""How long the sessions have lived: the column of ages stands still."""
_PROMPTS = ("fix flaky test in auth", "refactor the queue worker", "update docs index", "review PR #1881")
_SEGMENT_BYTES, _SEGMENTS = 16 * 1024**2, 20


@dataclass(frozen=True)
class Cost:
    """What a refresh took in a terminal: CPU in milliseconds and bytes, on the empty screen and on the grid."""

    idle_ms: float
    busy_ms: float
    idle_bytes: float
    busy_bytes: float


def measure_grid(
    folder: Path, idle_s: float, busy_s: float, seed: int, progress: Callable[[str], None]
) -> list[Figure]:
    """CPU and bytes of a refresh of Sessions, over so many seconds without changes and then with them."""
    progress(f"writing {SESSIONS} sessions")
    record_crowd(folder, idle_s + 2 * _SETTLE_S, busy_s + 2 * _SETTLE_S, seed)
    progress(f"{SESSIONS} sessions, {CHANGED} changing at {HZ:g} Hz")
    rows: list[Figure] = []
    for (size, kilobytes), cost in zip(SIZES, _replayed(folder, idle_s, busy_s), strict=True):
        name = f"{size[0]}x{size[1]}"
        against = f"{cost.busy_ms:.1f} ms less {cost.idle_ms:.1f} ms of a refresh of an empty screen; replay"
        rows += [
            at_most(f"grid, CPU a refresh, {name}", cost.busy_ms - cost.idle_ms, "ms", _CPU_MS, against=against),
            at_most(
                f"grid, bytes a refresh, {name}", cost.busy_bytes / 1e3, "kB", kilobytes,
                against=f"the whole screen; {cost.idle_bytes / 1e3:.2f} kB when it is empty",
            ),
        ]  # fmt: skip
    return [*rows, figure("grid, rows", SESSIONS, "sessions", against=f"{CHANGED} change at {HZ:g} Hz")]


def record_crowd(folder: Path, idle_s: float, busy_s: float, seed: int) -> None:
    """Write the recording into `folder`: a snapshot of SESSIONS, so many idle seconds, so many busy ones."""
    rng, clock = random.Random(seed), ManualClock(START - _AGE_S)  # noqa: S311
    bus = Bus(clock, history=1)
    bus.publish(ev.EngineStarted(engine="crowd", pid=1, backend="simulator", version="0", max_size=SESSIONS))
    names = [f"s{number:04d}" for number in range(1, SESSIONS + 1)]
    for name in names:
        for event in _begun(name, rng):
            bus.publish(event)
    clock.advance(START - clock.wall())
    recorder = Recorder(bus, folder, "crowd", segment_bytes=_SEGMENT_BYTES, segments=_SEGMENTS)
    recorder.start()
    for step in range(int((idle_s + busy_s) * HZ)):
        busy = step >= idle_s * HZ
        for event in _step(names, bus, rng) if busy else (ev.SessionReadings(readings=[]),):
            bus.publish(event)
        clock.advance(1 / HZ)
    recorder.close()


def _begun(name: str, rng: random.Random) -> Iterator[AnyEvent]:
    yield ev.SessionStarting(session=name, profile="default", tenant="default", backend="simulator")
    yield ev.SessionReady(session=name, pid=int(name[1:]), version="2", start_s=0.4)
    yield ev.SessionBound(session=name, conversation=f"{rng.getrandbits(128):032x}", user=f"user{name[-1]}")


def _step(names: list[str], bus: Bus, rng: random.Random) -> Iterator[AnyEvent]:
    """A turn begins or ends in a tenth of the sessions; each has other readings, too."""
    moved = rng.sample(names, CHANGED)
    for name in moved:
        row = bus.state.sessions[name]
        if row.state is SessionState.IDLE:
            request, prompt = f"{name}r{row.turns}", f"{rng.choice(_PROMPTS)} {row.turns}"
            yield ev.TurnStarted(request=request, session=name, user=row.user, prompt=prompt)
        else:
            yield ev.TurnEnded(
                request=row.request, session=name, ok=True, outcome="answered", duration=2 + rng.random(),
                tokens_in=400, tokens_out=rng.randrange(4000), cost=rng.random(),
            )  # fmt: skip
    readings = [ev.Reading(name, round(90 * rng.random(), 1), rng.randrange(80, 900) << 20) for name in moved]
    yield ev.SessionReadings(readings=readings, engine_cpu=9.0, engine_rss=120_000_000)


def _replayed(folder: Path, idle_s: float, busy_s: float) -> list[Cost]:
    """The same recording in a terminal of each size, all at once."""
    environ = {
        "HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "xterm-256color",
        "COLORTERM": "truecolor", "LANG": "C.UTF-8",
    }  # fmt: skip
    argv = [*python_module("tui.cli"), f"--set=console.refresh_hz={HZ:g}", "replay", str(folder)]
    with ExitStack() as stack:
        consoles = [
            stack.enter_context(Terminal(argv, environ, columns=columns, lines=lines, wanted=b"REPLAY"))
            for (columns, lines), _kilobytes in SIZES
        ]
        for console in consoles:
            if not console.wait_for_text(_PATIENCE_S):
                raise TimeoutError("The replay painted nothing.")
            console.press("5")
        began = time.perf_counter()
        time.sleep(_SETTLE_S)
        idle = _spent(consoles, idle_s)
        for console in consoles:
            console.press("2")
        time.sleep(max(0.0, idle_s + 3 * _SETTLE_S - (time.perf_counter() - began)))
        busy = _spent(consoles, busy_s)
    return [Cost(quiet[0], loud[0], quiet[1], loud[1]) for quiet, loud in zip(idle, busy, strict=True)]


def _spent(consoles: list[Terminal], seconds: float) -> list[tuple[float, float]]:
    """CPU in milliseconds and bytes of a refresh, for each console, over so many seconds."""
    before = [(cpu_seconds([console.process.pid]), console.written) for console in consoles]
    began = time.perf_counter()
    time.sleep(seconds)
    refreshes = (time.perf_counter() - began) * HZ
    after = [(cpu_seconds([console.process.pid]), console.written) for console in consoles]
    return [
        (1e3 * (late[0] - early[0]) / refreshes, (late[1] - early[1]) / refreshes)
        for early, late in zip(before, after, strict=True)
    ]
