"""Checkpoints: requests that a shutdown interrupted."""

from __future__ import annotations

import msgspec

from engine.operations.declared.checkpoints import (
    DELETE_CHECKPOINT,
    LIST_CHECKPOINTS,
    RESUME_CHECKPOINT,
    CheckpointId,
    CheckpointRow,
    CheckpointsResult,
    DeletedCheckpoint,
    ResumedCheckpoint,
)
from engine.operations.handlers.binding import CallContext, handles, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments


@handles(LIST_CHECKPOINTS)
async def list_checkpoints(services: Services, _call: CallContext, _args: NoArguments) -> CheckpointsResult:
    """All of them, oldest first, with when they expire."""
    rows = [
        {**msgspec.structs.asdict(row.checkpoint), "expires_at": row.expires_at, "resuming": row.resuming}
        for row in services.resumption.rows()
    ]
    return CheckpointsResult(checkpoints=rows_as(CheckpointRow, rows))


@handles(RESUME_CHECKPOINT)
async def resume(services: Services, _call: CallContext, args: CheckpointId) -> ResumedCheckpoint:
    """Run the request again; its end is an event. Raises NotFound, ConversationHeld."""
    return ResumedCheckpoint(request=services.resumption.resume(args.id))


@handles(DELETE_CHECKPOINT)
async def delete(services: Services, _call: CallContext, args: CheckpointId) -> DeletedCheckpoint:
    """Give the request up. Raises NotFound."""
    services.resumption.delete(args.id)
    return DeletedCheckpoint(deleted=args.id)
