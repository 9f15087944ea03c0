"""Captures to make reports of."""

from __future__ import annotations

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
