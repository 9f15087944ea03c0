"""The rows of group `console` about recordings: an hour of a hundred sessions is opened, and gone about in."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

from engine.base.process import python_module
from engine.bench.figures import Figure, at_least, at_most
from engine.bench.sample_recording import HOUR_S, START, record_hour
from engine.bench.terminal import Terminal
from engine.events.packing import segment_files
from engine.events.recording import Recording
from engine.events.segments import pack_segment

SESSIONS = 100
SEEKS = 40
_OPEN_MS, _SEEK_MS, _SMALLER = 2000.0, 300.0, 5.0
_PATIENCE_S = 60.0


def measure_replay(folder: Path, seed: int, progress: Callable[[str], None]) -> list[Figure]:
    """How long the program takes until the replay is on the screen, and the slowest of SEEKS seeks in it."""
    progress("writing an hour of events")
    record_hour(folder, SESSIONS, seed)
    recording = Recording(folder)
    size = sum(path.stat().st_size for path in recording.paths)
    against = f"{SESSIONS} sessions, {recording.number} events, {size / 1e6:.0f} MB"
    progress("opening it")
    opened = _opened(folder)
    progress("seeking in it")
    plain = _seeks(recording, seed)
    progress("packing it")
    for path in segment_files(folder):
        pack_segment(path)
    small = Recording(folder)
    packed, shrunk = _seeks(small, seed), size / sum(path.stat().st_size for path in small.paths)
    slower, against_plain = sum(packed) / sum(plain), f"{1e3 * max(plain):.0f} ms before it was packed"
    return [
        at_most("replay open (1 h)", 1e3 * opened, "ms", _OPEN_MS, against=against),
        at_most("replay seek", 1e3 * max(plain), "ms", _SEEK_MS, against=f"the slowest of {SEEKS}"),
        at_least("packed recording, times smaller", shrunk, "times", _SMALLER, against=f"{size / 1e6:.0f} MB; zstd 6"),
        at_most("packed recording, seek", 1e3 * max(packed), "ms", _SEEK_MS, against=against_plain, ratio=slower),
    ]


def _seeks(recording: Recording, seed: int) -> list[float]:
    """Seconds of each of SEEKS seeks, to the same moments for the same seed."""
    rng, took = random.Random(seed), []  # noqa: S311
    for _ in range(SEEKS):
        began = time.perf_counter()
        recording.moment(START + HOUR_S * rng.random())
        took.append(time.perf_counter() - began)
    return took


def _opened(folder: Path) -> float:
    environ = {"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    with Terminal([*python_module("tui.cli"), "replay", str(folder)], environ, wanted=b"REPLAY") as console:
        return console.seen_after if console.wait_for_text(_PATIENCE_S) else _PATIENCE_S
