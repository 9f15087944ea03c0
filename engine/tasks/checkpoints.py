"""Checkpoints: what a turn had come to when it had to be broken off, as files that outlive the engine."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from engine.base.files import move_aside, private_folder, write_private
from engine.dispatch.active_request import ActiveRequest
from engine.events.types import Notice, Severity


class Checkpoint(msgspec.Struct, frozen=True):
    """A broken-off request; `at` in seconds since 1970, `partial` is the text that had streamed."""

    request: str
    reason: str
    at: float
    prompt: str
    profile: str
    tenant: str
    user: str
    conversation: str = ""
    session: str = ""
    attempts: int = 1
    partial: str = ""
    commands: bool = False
    cwd: str = ""
    priority: str = "medium"
    idempotent: bool = False
    permission_timeout: float | None = None
    version: int = 1
    """Of the file's form."""


class Checkpoints:
    """Owner of `<state>/checkpoints/<request>.json`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.damaged: list[Path] = []
        """Files that could not be read, where they were moved to, and not yet reported."""

    def keep(self, active: ActiveRequest, reason: str, at: float) -> Notice:
        """Save a request in flight; the notice states where, or why not: a failure does not stop the rest (S6)."""
        request = active.request
        checkpoint = Checkpoint(
            request=request.id,
            reason=reason,
            at=at,
            prompt=request.prompt,
            profile=request.profile,
            tenant=request.tenant,
            user=request.user,
            conversation=active.attempt.conversation,
            session=active.session,
            attempts=active.retry.attempts,
            partial="".join(active.text),
            commands=request.commands,
            cwd=request.cwd,
            priority=request.priority,
            idempotent=request.idempotent,
            permission_timeout=request.permission_timeout,
        )
        try:
            path = self.save(checkpoint)
        except OSError as error:
            return Notice(severity=Severity.CRITICAL, text=f"no checkpoint of {request.id}: {error.strerror}")
        return Notice(severity=Severity.WARNING, text=f"{request.id} was broken off, checkpoint in {path}")

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write durably: a crash leaves the old file or the new one, never half. Raises OSError."""
        private_folder(self._folder)
        path = self._folder / f"{checkpoint.request}.json"
        write_private(path, msgspec.json.encode(checkpoint))
        return path

    def delete(self, request: str) -> None:
        """Remove a request's checkpoint; one that is not there is ignored."""
        (self._folder / f"{request}.json").unlink(missing_ok=True)

    def all(self) -> list[Checkpoint]:
        """Every readable checkpoint, oldest first; a damaged one is moved aside."""
        found = []
        for path in self._folder.glob("*.json"):
            try:
                found.append(msgspec.json.decode(path.read_bytes(), type=Checkpoint))
            except msgspec.DecodeError:
                self._set_aside(path)
            except OSError:
                continue
        return sorted(found, key=lambda checkpoint: checkpoint.at)

    def _set_aside(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            self.damaged.append(move_aside(path))
