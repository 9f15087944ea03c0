"""The buffers that are used again; measuring whether that pays, and giving them back."""

from __future__ import annotations

import asyncio

from engine.memory.optimizer import optimize
from engine.operations.declared.memory import (
    MEMORY_STATISTICS,
    OPTIMIZE_MEMORY,
    RECYCLE_MEMORY,
    BufferClass,
    Measured,
    MemoryRecycled,
    MemoryResult,
    VerdictRow,
)
from engine.operations.handlers.binding import CallContext, handles, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments


@handles(MEMORY_STATISTICS)
async def statistics(services: Services, _call: CallContext, _args: NoArguments) -> MemoryResult:
    """By size."""
    return MemoryResult(memory=rows_as(BufferClass, services.buffers.statistics()))


@handles(OPTIMIZE_MEMORY)
async def measure(services: Services, _call: CallContext, _args: NoArguments) -> Measured:
    """In a thread: it takes some ten milliseconds."""
    return Measured(measured=rows_as(VerdictRow, await asyncio.to_thread(optimize, services.buffers)))


@handles(RECYCLE_MEMORY)
async def recycle(services: Services, _call: CallContext, _args: NoArguments) -> MemoryRecycled:
    """Those in use stay."""
    return MemoryRecycled(recycled=services.buffers.recycle())
