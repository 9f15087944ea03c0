"""Group `console`: first frame, the grid, the engine's memory at 100 sessions, CPU with 100 busy ones.

Each is the program as a user starts it, in a process of its own; the simulator's processes are not counted.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from engine.base.errors import QuarterdeckError
from engine.base.process import python_module
from engine.bench.cpu import cpu_seconds
from engine.bench.figures import Figure, at_most, figure
from engine.bench.grid import measure_grid
from engine.bench.replay import measure_replay
from engine.bench.streaming import measure_opening, measure_streaming
from engine.bench.terminal import Terminal

SESSIONS = 100
LINES_A_SECOND = 10
_FIRST_FRAME = b"Overview"
SMALLEST_APP = "tui.console.smallest_app"
"""A program of its own: the engine names no console library."""
_FIRST_FRAME_MS, _MEMORY_MB, _CPU_PERCENT = 300.0, 150.0, 50.0
_PATIENCE_S = 180.0
_KEY_MS, _REST_S = 30.0, 0.13
_CHANGE_S = 1.0
_CHANGED = 987_654
"""A value that stands nowhere else on the screen."""
Progress = Callable[[str], None]


class BenchStuck(QuarterdeckError):
    """What is measured did not come to where it can be measured."""

    code = "bench_stuck"


@dataclass(frozen=True)
class Size:
    """Starts whose first frame is timed, keys pressed, seconds busy, of the grid idle and busy, of a stream."""

    starts: int = 9
    keys: int = 100
    seconds: float = 30.0
    grid_idle: float = 15.0
    grid_busy: float = 30.0
    streaming: float = 20.0


FULL, QUICK = Size(), Size(starts=3, keys=30, seconds=8.0, grid_idle=3.0, grid_busy=5.0, streaming=4.0)


def measure(folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    """All figures of the group; `folder` takes homes, sockets and state."""
    rows = [
        *_first_frame(folder, size, progress),
        *measure_replay(folder / "hour", seed, progress),
        *measure_grid(folder / "grid", size.grid_idle, size.grid_busy, seed, progress),
        *_transcripts(folder, size, progress),
    ]
    with _console(folder / "busy", f"session_pool.min_size={SESSIONS}", f"session_pool.max_size={SESSIONS}") as console:
        return [*rows, *_busy(console, folder / "busy", size, seed, progress)]


def _first_frame(folder: Path, size: Size, progress: Progress) -> list[Figure]:
    walls, cpus = [], []
    for start in range(size.starts):
        progress(f"first frame, start {start + 1} of {size.starts}")
        with _console(folder / "first", "session_pool.min_size=0") as console:
            walls.append(1e3 * console.seen_after)
            cpus.append(1e3 * cpu_seconds([console.process.pid]))
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    floor = _smallest_first_frame(folder / "first", size, progress)
    best = f"fastest of {size.starts}: {min(walls):.0f} ms"
    return [
        figure("first frame, on the wall", wall, "ms", against=best, ratio=wall / min(walls)),
        at_most(
            "first frame, CPU", cpu, "ms", _FIRST_FRAME_MS,
            against=f"exec of the program; a Textual app of one word: {floor:.0f} ms", ratio=cpu / floor,
        ),
    ]  # fmt: skip


def _smallest_first_frame(folder: Path, size: Size, progress: Progress) -> float:
    """Median CPU in milliseconds of the smallest Textual app until its one word is painted: the floor on a machine."""
    progress("first frame of the smallest app")
    cpus = []
    for _ in range(size.starts):
        with Terminal(python_module(SMALLEST_APP), _environ(folder), wanted=_FIRST_FRAME) as console:
            if not console.wait_for_text(_PATIENCE_S):
                remedy = f"Run `python -m {SMALLEST_APP}` to see why."
                raise BenchStuck("The smallest app painted nothing.", remedy=remedy)
            cpus.append(1e3 * cpu_seconds([console.process.pid]))
    return statistics.median(cpus)


def _environ(home: Path) -> dict[str, str]:
    return {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8"}


def _transcripts(folder: Path, size: Size, progress: Progress) -> list[Figure]:
    """A transcript that is written, in terminals of two sizes, and a long one that is opened."""
    rows: list[Figure] = []
    for columns, lines in ((120, 36), (80, 24)):
        home, one = folder / f"written-{columns}", ("session_pool.min_size=1", "session_pool.max_size=1")
        with _console(home, *one, columns=columns, lines=lines) as console, _api(home) as api:
            _wait(api, lambda pool: pool["idle"] == 1)
            rows += measure_streaming(console, api, f"{columns}x{lines}", size.streaming, progress)
            if columns == 120:
                console.press("\x1b")
                rows += measure_opening(console, api, progress)
    return rows


def _api(folder: Path) -> httpx.Client:
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(folder / "engine.sock")), base_url="http://engine")


def _busy(console: Terminal, folder: Path, size: Size, seed: int, progress: Progress) -> list[Figure]:
    process = psutil.Process(console.process.pid)
    with _api(folder) as api:
        progress(f"starting {SESSIONS} sessions")
        _wait(api, lambda pool: pool["idle"] == SESSIONS)
        idle = process.memory_info().rss / 1e6
        progress("keys")
        painted_after = _keys(console, size)
        progress("a change of settings")
        changed_after = _change(console, api)
        progress(f"{SESSIONS} busy sessions for {size.seconds:g} s")
        words = int(LINES_A_SECOND * (size.seconds + 60))
        for number in range(SESSIONS):
            prompt = f"[[words: {words}]] [[pace: {1000 // LINES_A_SECOND}ms]] {seed + number}"
            api.post("/api/prompts", json={"prompt": prompt, "wait": False}).raise_for_status()
        _wait(api, lambda pool: pool["active"] == SESSIONS)
        written, began, before = console.written, time.perf_counter(), cpu_seconds([process.pid])
        time.sleep(size.seconds)
        wall, cpu = time.perf_counter() - began, cpu_seconds([process.pid]) - before
        painted = (console.written - written) / wall / 1e3
        _wait(api, lambda pool: pool["active"] == SESSIONS)
        busy = process.memory_info().rss / 1e6
    load = f"{SESSIONS} simulator sessions, {LINES_A_SECOND} lines/s each"
    return [
        at_most(
            "key to first painted byte, p90", painted_after, "ms", _KEY_MS, against=f"{size.keys} keys on Sessions"
        ),
        at_most(
            "change of a setting to another console's screen",
            changed_after,
            "s",
            _CHANGE_S,
            against="PATCH /api/config",
        ),
        figure("memory, console and engine, idle", idle, "MB", against=f"{SESSIONS} simulator sessions"),
        at_most("memory, console and engine, busy", busy, "MB", _MEMORY_MB, against=load),
        at_most("CPU of console and engine", 100 * cpu / wall, "% of a core", _CPU_PERCENT, against=load),
        figure("written to the terminal", painted, "kB/s", against=load),
    ]


def _keys(console: Terminal, size: Size) -> float:
    """90th percentile in milliseconds; the screen is at rest before each key, but for its own refresh."""
    console.press("2")
    time.sleep(_REST_S)
    took = []
    for number in range(size.keys):
        took.append(console.press("j" if number % 2 else "k") * 1e3)
        time.sleep(_REST_S)
    console.press("1")
    return statistics.quantiles(took, n=10)[-1]


def _change(console: Terminal, api: httpx.Client) -> float:
    """Seconds from another client's wish until this console shows the new value; the engine has it by then."""
    console.expect(str(_CHANGED).encode())
    api.patch("/api/config", json={"queue.max_waiting": _CHANGED}).raise_for_status()
    if not console.wait_for_text(_PATIENCE_S):
        raise BenchStuck("The change was not shown.", remedy="Run `quarterdeck attach` by hand to see why.")
    return console.seen_after


@contextmanager
def _console(folder: Path, *overrides: str, columns: int = 120, lines: int = 36) -> Iterator[Terminal]:
    folder.mkdir(parents=True, exist_ok=True)
    sets = [
        "engine.backend=simulator",
        "engine.demo=off",
        "engine.grace=0s",
        f"engine.state_dir={folder / 'state'}",
        f"api.socket={folder / 'engine.sock'}",
        *overrides,
    ]
    argv = [*python_module("tui.cli"), *(f"--set={pair}" for pair in sets)]
    with Terminal(argv, _environ(folder), columns=columns, lines=lines, wanted=_FIRST_FRAME) as console:
        if not console.wait_for_text(_PATIENCE_S):
            raise BenchStuck("The console painted nothing.", remedy="Run `quarterdeck` by hand to see why.")
        yield console


def _wait(api: httpx.Client, arrived: Callable[[dict[str, Any]], bool]) -> None:
    pool: dict[str, Any] = {}
    deadline = time.perf_counter() + _PATIENCE_S
    while time.perf_counter() < deadline:
        try:
            pool = api.get("/api/pool").raise_for_status().json()["data"]["pool"]
        except httpx.TransportError:
            pool = {}
        if pool and arrived(pool):
            return
        time.sleep(0.1)
    raise BenchStuck(f"The pool stays at {pool}.", remedy="Run it on a machine with less to do.")
