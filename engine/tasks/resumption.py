"""Checkpointed requests go on: on request or at the start of the engine; old checkpoints expire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.base.clock import Clock
from engine.base.errors import ConversationHeld, NotFound, QuarterdeckError
from engine.requests import Request
from engine.tasks.checkpoints import Checkpoint, Checkpoints


class CheckpointRow(msgspec.Struct, frozen=True):
    """A checkpoint as it is listed; times in seconds since 1970, `expires_at` is None when it is kept for ever."""

    checkpoint: Checkpoint
    expires_at: float | None
    resuming: bool


@dataclass(frozen=True)
class ResumptionPorts:
    """What a resumed request needs: `check` raises what speaks against it, `submit` runs it, `running` is the engine.

    `begun` states whether the conversation of a checkpoint has a transcript; `expiry` is in seconds, 0 keeps all.
    """

    clock: Clock
    check: Callable[[Request], None]
    submit: Callable[[Request], Awaitable[object]]
    spawn: Callable[[Coroutine[Any, Any, None], str], object]
    begun: Callable[[Checkpoint], bool]
    expiry: Callable[[], float]
    running: Callable[[], bool]


class Resumption:
    """Owner of the resumed requests under way; a checkpoint goes once its request has ended."""

    def __init__(self, checkpoints: Checkpoints, ports: ResumptionPorts) -> None:
        self._checkpoints = checkpoints
        self._ports = ports
        self._under_way: set[str] = set()

    def rows(self) -> list[CheckpointRow]:
        """Every checkpoint that has not expired, oldest first."""
        self._expire()
        expiry = self._ports.expiry()
        return [
            CheckpointRow(each, each.at + expiry if expiry else None, each.request in self._under_way)
            for each in self._checkpoints.all()
        ]

    def delete(self, request: str) -> None:
        """Give a checkpointed request up. Raises NotFound, ConversationHeld while it is being resumed."""
        self._free(request)
        self._checkpoints.delete(request)

    def resume(self, request: str) -> str:
        """Run a checkpointed request again, in its conversation where that has begun; returns the request's id.

        Raises NotFound, ConversationHeld when it is being resumed already, and what speaks against the request.
        """
        checkpoint = self._free(request)
        again = self._request_of(checkpoint)
        self._ports.check(again)
        self._under_way.add(request)
        self._ports.spawn(self._run(again), f"resumed request {request}")
        return again.id

    def resume_all(self) -> list[str]:
        """Resume every checkpoint that can be; returns a sentence for each that cannot."""
        refused = []
        for row in self.rows():
            try:
                self.resume(row.checkpoint.request)
            except QuarterdeckError as error:
                refused.append(f"{row.checkpoint.request} is not resumed: {error.message}")
        return refused

    async def _run(self, request: Request) -> None:
        try:
            with contextlib.suppress(QuarterdeckError):  # its RequestEnded event tells why
                await self._ports.submit(request)
        finally:
            self._under_way.discard(request.id)
        if self._ports.running():  # an engine that stops has just written it again
            await asyncio.to_thread(self._checkpoints.delete, request.id)

    def _request_of(self, checkpoint: Checkpoint) -> Request:
        return Request(
            id=checkpoint.request,
            prompt=checkpoint.prompt,
            conversation=checkpoint.conversation if self._ports.begun(checkpoint) else "",
            user=checkpoint.user,
            tenant=checkpoint.tenant,
            profile=checkpoint.profile,
            priority=checkpoint.priority,
            idempotent=checkpoint.idempotent,
            commands=checkpoint.commands,
            permission_timeout=checkpoint.permission_timeout,
            cwd="" if self._ports.begun(checkpoint) else checkpoint.cwd,
        )

    def _free(self, request: str) -> Checkpoint:
        found = next((each for each in self._checkpoints.all() if each.request == request), None)
        if found is None:
            remedy = "`quarterdeck checkpoints` lists them."
            raise NotFound(f"There is no checkpoint of {request}.", field="id", remedy=remedy)
        if request in self._under_way:
            raise ConversationHeld(f"{request} is being resumed already.", remedy="`quarterdeck queue` shows it.")
        return found

    def _expire(self) -> None:
        expiry, now = self._ports.expiry(), self._ports.clock.wall()
        for each in self._checkpoints.all() if expiry else ():
            if each.at + expiry <= now and each.request not in self._under_way:
                self._checkpoints.delete(each.request)
