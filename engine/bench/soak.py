"""`bench console --soak MINUTES`: an attached console over time, against a headless engine on the simulator.

The engine has demo traffic, the console a terminal of its own in which its screens are gone through. Memory, open
descriptors and threads of the console's process are sampled; a straight line through the samples of the second
half states how much they grow: in the first one caches, trends and the history of time travel fill.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from engine.base.errors import QuarterdeckError
from engine.base.process import python_module
from engine.bench.figures import Figure, at_most, figure
from engine.bench.terminal import Terminal

SAMPLES = 240
"""Samples at most; there is one a second at most."""
WARM = 2
"""The first of so many parts of the time is not looked at."""
_MEMORY_MB, _DESCRIPTORS, _THREADS = 5.0, 1.0, 1.0
_KEYS = ("1", "2", "j", "\r", "\x1b", "3", "4", "5", "7", "0", "j", "\r", "\x1b")
"""What is pressed, one a sample: every screen, and transcripts that are opened and closed."""
_PATIENCE_S = 60.0
_STOP_S = 30.0


class SoakEnded(QuarterdeckError):
    """The console or its engine ended before the time was up."""

    code = "soak_ended"


@dataclass(frozen=True, slots=True)
class Sample:
    """The console's process at a moment: seconds since the first sample, memory in MB, descriptors, threads."""

    at: float
    memory: float
    descriptors: int
    threads: int


def measure(folder: Path, minutes: float, seed: int, progress: Callable[[str], None]) -> list[Figure]:
    """How flat an attached console stays; `folder` takes the engine's home. Raises SoakEnded."""
    with _engine(folder, seed) as socket, _attached(folder, socket) as console:
        return figures(_samples(console, 60 * minutes, progress), minutes)


def figures(samples: Sequence[Sample], minutes: float) -> list[Figure]:
    """The rows: what the samples grow by over the whole time, and at which rate."""
    kept = samples[len(samples) // WARM :]
    series = [
        ("memory", "MB", _MEMORY_MB, [each.memory for each in kept]),
        ("descriptors", "descriptors", _DESCRIPTORS, [float(each.descriptors) for each in kept]),
        ("threads", "threads", _THREADS, [float(each.threads) for each in kept]),
    ]
    return growth("attached console", [each.at for each in kept], series, minutes)


def growth(
    subject: str, at: Sequence[float], series: Sequence[tuple[str, str, float, Sequence[float]]], minutes: float
) -> list[Figure]:
    """Two rows for each name, unit, limit and values at so many seconds: its growth by a straight line, the slope."""
    over = f"{len(at)} samples over {minutes:g} min, a line through them"
    hours = (at[-1] - at[0]) / 3600 if len(at) > 1 else 0.0
    rows = []
    for name, unit, limit, values in series:
        slope = slope_of([each / 3600 for each in at], values)
        against = f"{over}; from {min(values):.4g} to {max(values):.4g}"
        rows.append(at_most(f"{subject}, growth of {name}", max(0.0, slope * hours), unit, limit, against=against))
        rows.append(figure(f"{subject}, slope of {name}", slope, f"{unit}/h", against=over))
    return rows


def slope_of(at: Sequence[float], values: Sequence[float]) -> float:
    """The slope of the straight line with the least squares; 0 where there is no time between the values."""
    middle, mean = sum(at) / len(at), sum(values) / len(values)
    spread = sum((each - middle) ** 2 for each in at)
    return sum((x - middle) * (y - mean) for x, y in zip(at, values, strict=True)) / spread if spread else 0.0


def _samples(console: Terminal, seconds: float, progress: Callable[[str], None]) -> list[Sample]:
    process, began = psutil.Process(console.process.pid), time.perf_counter()
    step = max(1.0, seconds / SAMPLES)
    samples: list[Sample] = []
    while (passed := time.perf_counter() - began) < seconds or not samples:
        console.press(_KEYS[len(samples) % len(_KEYS)], 0.0)
        time.sleep(min(step, max(0.1, seconds - passed)))
        try:
            with process.oneshot():
                read = process.memory_info().rss / 1e6, process.num_fds(), process.num_threads()
        except psutil.Error as error:
            raise SoakEnded("The console ended.", remedy="Run `quarterdeck attach` by hand to see why.") from error
        samples.append(Sample(time.perf_counter() - began, *read))
        progress(f"attached console, {passed / 60:.1f} of {seconds / 60:g} min, {read[0]:.0f} MB")
    return samples


@contextmanager
def _engine(folder: Path, seed: int) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    socket = folder / "engine.sock"
    sets = ("engine.demo=on", f"engine.state_dir={folder / 'state'}", f"api.socket={socket}", "engine.grace=0s")
    argv = [*python_module("tui.cli"), "--engine-only", "--backend=simulator", *(f"--set={pair}" for pair in sets)]
    with (folder / "engine.log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=_environ(folder, seed))
    try:
        deadline = time.perf_counter() + _PATIENCE_S
        while not socket.exists():
            if process.poll() is not None or time.perf_counter() > deadline:
                raise SoakEnded("The engine did not come up.", remedy="Run `quarterdeck --engine-only` to see why.")
            time.sleep(0.1)
        yield socket
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _attached(folder: Path, socket: Path) -> Iterator[Terminal]:
    argv = [*python_module("tui.cli"), "attach", f"unix:{socket}"]
    with Terminal(argv, _environ(folder, 0), wanted=b"Overview") as console:
        if not console.wait_for_text(_PATIENCE_S):
            raise SoakEnded("The console painted nothing.", remedy="Run `quarterdeck attach` by hand to see why.")
        yield console


def _environ(folder: Path, seed: int) -> dict[str, str]:
    places = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    return {**places, "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONHASHSEED": str(seed % 4_294_967_296)}
