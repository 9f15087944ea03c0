"""Checkpoints: requests that a shutdown interrupted, to be resumed or deleted."""

from __future__ import annotations

import msgspec

from engine.base.caller import Scope
from engine.operations.operation import NoArguments, Operation


class CheckpointRow(msgspec.Struct, kw_only=True):
    """A broken-off request; `at` in seconds since 1970, `partial` is the text that had streamed."""

    request: str
    reason: str
    at: float
    prompt: str
    profile: str
    tenant: str
    user: str
    conversation: str
    session: str
    attempts: int
    partial: str
    commands: bool
    cwd: str
    priority: str
    idempotent: bool
    permission_timeout: float | None
    version: int
    expires_at: float | None
    resuming: bool


class CheckpointsResult(msgspec.Struct, kw_only=True):
    """All checkpoints, oldest first."""

    checkpoints: list[CheckpointRow]


class CheckpointId(msgspec.Struct, kw_only=True, frozen=True):
    """The request of a checkpoint."""

    id: str


class ResumedCheckpoint(msgspec.Struct, kw_only=True):
    """The request that runs again."""

    request: str


class DeletedCheckpoint(msgspec.Struct, kw_only=True):
    """The request that was given up."""

    deleted: str


LIST_CHECKPOINTS = Operation(
    "checkpoints.list",
    "GET /api/checkpoints",
    NoArguments,
    CheckpointsResult,
    "List the checkpoints, oldest first, with when they expire.",
    columns=("request", "at", "profile", "user", "conversation", "prompt"),
    examples=("quarterdeck checkpoints list --json",),
)
RESUME_CHECKPOINT = Operation(
    "checkpoints.resume",
    "POST /api/checkpoints/{id}/resume",
    CheckpointId,
    ResumedCheckpoint,
    "Run these requests again, in their conversations.",
    Scope.OPERATOR,
    status=202,
    sentence="{id}: resumed.",
    examples=("quarterdeck checkpoints resume r42",),
)
DELETE_CHECKPOINT = Operation(
    "checkpoints.delete",
    "DELETE /api/checkpoints/{id}",
    CheckpointId,
    DeletedCheckpoint,
    "Give these requests up.",
    Scope.OPERATOR,
    sentence="{id}: deleted.",
    examples=("quarterdeck checkpoints delete r42",),
)
