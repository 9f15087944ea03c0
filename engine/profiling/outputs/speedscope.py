"""A capture as a file of https://www.speedscope.app: one sampled profile for each thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.profiling.stacks import Function, Stack

_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


def speedscope(name: str, stacks: Sequence[Stack], rate: float) -> bytes:
    """The file. Samples of equal stacks stand together, so its time axis is no calendar."""
    frames: dict[Function, int] = {}
    threads: dict[str, list[Stack]] = {}
    for stack in stacks:
        threads.setdefault(stack.thread, []).append(stack)
        for function in stack.functions:
            frames.setdefault(function, len(frames))
    return msgspec.json.encode(
        {
            "$schema": _SCHEMA,
            "name": name,
            "exporter": "quarterdeck",
            "activeProfileIndex": 0,
            "shared": {"frames": [{"name": each.name, "file": each.file, "line": each.line} for each in frames]},
            "profiles": [_profile(thread, found, frames, 1.0 / rate) for thread, found in threads.items()],
        }
    )


def _profile(thread: str, stacks: Sequence[Stack], frames: dict[Function, int], period: float) -> dict[str, Any]:
    weights = [stack.count * period for stack in stacks]
    return {
        "type": "sampled",
        "name": thread,
        "unit": "seconds",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": [[frames[function] for function in stack.functions] for stack in stacks],
        "weights": weights,
    }
