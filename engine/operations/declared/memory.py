"""Memory that is used again: buffers by size, and whether that pays on this machine."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation


class BufferClass(msgspec.Struct, kw_only=True):
    """Buffers of one `size` in bytes: in use, kept and at most kept, at once since the last measurement, reused, made.

    `zeroed` counts those that another tenant had used. `reuse_ns` and `fresh_ns` are nanoseconds of a read as measured
    last, 0 before; where reuse costs more the class is `bypassed`.
    """

    size: int
    in_use: int
    kept: int
    most_kept: int
    peak: int
    reused: int
    made: int
    zeroed: int
    bypassed: bool
    reuse_ns: float
    fresh_ns: float


class MemoryResult(msgspec.Struct, kw_only=True):
    """The buffers by size."""

    memory: list[BufferClass]


class VerdictRow(msgspec.Struct, kw_only=True):
    """One class as measured: nanoseconds to use it again and to make a fresh one, and whether reuse is left out."""

    name: str
    reuse_ns: float
    fresh_ns: float
    bypassed: bool


class Measured(msgspec.Struct, kw_only=True):
    """What was measured, by class."""

    measured: list[VerdictRow]


class MemoryRecycled(msgspec.Struct, kw_only=True):
    """Bytes that were given back."""

    recycled: int


MEMORY_STATISTICS = Operation(
    "memory.statistics",
    "GET /api/memory",
    NoArguments,
    MemoryResult,
    "Show the buffers that are used again, by size.",
    command="memory statistics",
    examples=("quarterdeck memory statistics",),
)
OPTIMIZE_MEMORY = Operation(
    "memory.optimize",
    "POST /api/memory/optimize",
    NoArguments,
    Measured,
    "Measure whether reuse pays, by size, and go by it.",
    Scope.OPERATOR,
    command="memory optimize",
    examples=("quarterdeck memory optimize",),
)
RECYCLE_MEMORY = Operation(
    "memory.recycle",
    "POST /api/memory/recycle",
    NoArguments,
    MemoryRecycled,
    "Give back the buffers that nobody uses.",
    Scope.OPERATOR,
    command="memory recycle",
    sentence="Gave back {recycled} bytes.",
    examples=("quarterdeck memory recycle",),
)
