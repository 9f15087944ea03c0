"""The rows of group `console` about a transcript: one that is written while it is in sight, and one that is long.

The program runs in a terminal of its own with one simulator session. What streaming costs is what the process spends
while the transcript is in sight, less what it spends on the Queue while the same session is at rest.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from engine.bench.cpu import cpu_seconds
from engine.bench.figures import Figure, at_most, figure
from engine.bench.terminal import Terminal

DELTAS_A_SECOND = 50
LONG_LINES = 10_000
_TURNS, _OPENINGS = 20, 7
_CPU_PERCENT, _KILOBYTES, _OPEN_MS = 5.0, 3.0, 100.0
_SETTLE_S, _REST_S, _PATIENCE_S = 2.0, 0.5, 60.0
_END = "the-last-line"


class OpeningStuck(TimeoutError):
    """The transcript did not come in sight."""


@dataclass(frozen=True)
class Spell:
    """CPU in percent of a core and bytes a second over a stretch."""

    cpu: float
    written: float


def measure_streaming(
    console: Terminal, api: httpx.Client, size: str, seconds: float, progress: Callable[[str], None]
) -> list[Figure]:
    """CPU and bytes while a transcript is written in sight; the terminal has `size`."""
    progress(f"a transcript that is written, {size}")
    console.press("5")
    time.sleep(_SETTLE_S)
    rest = _spent(console, seconds)
    words = int(DELTAS_A_SECOND * (seconds + 30))
    sent = _prompt(api, f"[[words: {words}]] [[pace: {1000 // DELTAS_A_SECOND}ms]]", wait=False)
    console.press("2")
    time.sleep(_SETTLE_S)
    console.press("\r")
    time.sleep(_SETTLE_S)
    busy = _spent(console, seconds)
    api.delete(f"/api/prompts/{sent}").raise_for_status()
    load = f"{DELTAS_A_SECOND} deltas/s, {size}"
    return [
        at_most(
            f"transcript that is written, CPU, {size}", busy.cpu - rest.cpu, "% of a core", _CPU_PERCENT,
            against=f"{load}; {busy.cpu:.1f} % less {rest.cpu:.1f} % of the same process at rest",
        ),
        at_most(
            f"transcript that is written, bytes, {size}", busy.written / 1e3, "kB/s", _KILOBYTES,
            against=f"{load}; {rest.written / 1e3:.2f} kB/s at rest",
        ),
    ]  # fmt: skip


def measure_opening(console: Terminal, api: httpx.Client, progress: Callable[[str], None]) -> list[Figure]:
    """From the key on Sessions until the last line of a long transcript is in sight."""
    progress(f"a transcript of {LONG_LINES} lines")
    text = "\n".join(f"- line {number} of the answer of this turn" for number in range(LONG_LINES // _TURNS))
    conversation = ""
    for turn in range(_TURNS):
        reply = f"{text}\n{_END}" if turn == _TURNS - 1 else text
        conversation = _answer(api, f"[[reply: {reply}]]", conversation)
    walls, cpus = [], []
    for _ in range(_OPENINGS):
        console.press("2")
        time.sleep(_SETTLE_S)
        console.expect(_END.encode())
        before = cpu_seconds([console.process.pid])
        console.press("\r")
        if not console.wait_for_text(_PATIENCE_S):
            raise OpeningStuck("The transcript was not shown.")
        cpus.append(1e3 * (cpu_seconds([console.process.pid]) - before))
        walls.append(1e3 * console.seen_after)
        time.sleep(_REST_S)
        console.press("\x1b")
        time.sleep(_REST_S)
    wall, against = statistics.median(walls), f"median of {_OPENINGS}, from the key to the last line in sight"
    return [
        figure("opening a transcript of 10,000 lines, on the wall", wall, "ms", against=f"fastest {min(walls):.0f} ms"),
        at_most("opening a transcript of 10,000 lines, CPU", statistics.median(cpus), "ms", _OPEN_MS, against=against),
    ]


def _spent(console: Terminal, seconds: float) -> Spell:
    pids, written, began = [console.process.pid], console.written, time.perf_counter()
    before = cpu_seconds(pids)
    time.sleep(seconds)
    wall = time.perf_counter() - began
    return Spell(100 * (cpu_seconds(pids) - before) / wall, (console.written - written) / wall)


def _prompt(api: httpx.Client, prompt: str, *, wait: bool, conversation: str = "") -> str:
    body = {"prompt": prompt, "wait": wait, **({"conversation": conversation} if conversation else {})}
    answered = api.post("/api/prompts", json=body, timeout=_PATIENCE_S).raise_for_status().json()["data"]
    request: str = answered["prompt"]["request"]
    return request


def _answer(api: httpx.Client, prompt: str, conversation: str) -> str:
    body = {"prompt": prompt, "wait": True, **({"conversation": conversation} if conversation else {})}
    answered = api.post("/api/prompts", json=body, timeout=_PATIENCE_S).raise_for_status().json()["data"]
    found: str = answered["prompt"]["conversation"]
    return found
