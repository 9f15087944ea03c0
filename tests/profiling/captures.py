"""Captures to make reports of."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from engine.profiling.capture import Capture
from engine.profiling.stacks import Function, Stack

MAIN = Function("main", "engine/a.py", 1)
HOT = Function("Cache.<locals>.hot", "engine/b.py", 20)
COLD = Function("cold", "engine/c.py", 3)


def capture(**changes: Any) -> Capture:
    """Ten seconds of a thread that is 80 % in one function."""
    facts: dict[str, Any] = {
        "id": "1", "began": 1000.0, "seconds": 10.0, "kinds": ("cpu", "blocking"), "rate": 100.0, "threshold": 0.02,
        "samples": 1000, "engine_cpu": 9.0,
        "stacks": (Stack("engine", (MAIN, HOT), 800), Stack("engine", (MAIN, COLD), 200)),
    }  # fmt: skip
    return Capture(**{**facts, **changes})


def burn(until_set: threading.Event) -> None:
    """Work of a thread that the sampler must find."""
    while not until_set.is_set():
        sum(range(1000))


@contextmanager
def working() -> Iterator[None]:
    """A thread that uses the CPU, which an engine at rest does not."""
    done = threading.Event()
    worker = threading.Thread(target=burn, args=(done,), name="burner")
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()
