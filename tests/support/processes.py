"""What runs on this machine, read from /proc by the tests themselves: the engine's own word is not taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE_S = 60.0
"""How long a test waits for real processes before it fails; no test takes so long on any machine that works."""
PROC = Path("/proc")


def environ_of(pid: int) -> dict[str, str]:
    """The environment that a process was started with; empty when it is gone or a zombie."""
    try:
        raw = (PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if entry)
    return {name.decode("utf-8", "replace"): value.decode("utf-8", "replace") for name, _, value in pairs}


def command_of(pid: int) -> str:
    """The command line of a process, by spaces; empty when it is gone or a zombie."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def survivors(engine: str) -> list[int]:
    """Pids of all processes that carry the tag of an engine."""
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()]
    return [pid for pid in pids if environ_of(pid).get("QUARTERDECK_ENGINE") == engine]


def state_of(pid: int) -> str:
    """The letter of /proc/PID/stat, or an empty string when the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """The parent's pid, 0 when the process is gone."""
    try:
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return state_of(pid) not in {"", "Z", "X"}


async def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait for a condition on the event loop; fails when it does not come true in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """The same without an event loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.02)
