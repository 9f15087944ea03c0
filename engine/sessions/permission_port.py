"""What a session needs of whoever decides what its agent may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.sessions.protocol_events import PermissionWanted


class AnswerAgent(Protocol):
    """The way to an agent that waits; `updated` is an input in place of its own, as JSON."""

    def __call__(self, permission: str, allowed: bool, message: str, updated: bytes = b"", /) -> None:
        """Answer it."""


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks: the session with its conversation, profile, tenant and workspace, and the way to answer it.

    `grants` is the folder that grants of the whole profile hold for, the workspace when empty. `timeout` is how long
    in seconds its request lets approvals wait, the setting's without one. `breaker` is the name of the tool that its
    breaker has, when that is not the tool's own.
    """

    session: str
    conversation: str
    profile: str
    tenant: str
    workspace: str
    answer: AnswerAgent
    grants: str = ""
    timeout: float | None = None
    breaker: str = ""


class PermissionPort(Protocol):
    """Decides permission requests; the answer reaches the session through `Requester.answer`."""

    def ask(self, requester: Requester, wanted: PermissionWanted) -> None:
        """The agent waits until this is answered."""

    def withdraw(self, session: str, permission: str, why: str = "") -> None:
        """The agent no longer waits for this one, and why where that is known."""

    def withdraw_session(self, session: str) -> None:
        """The session waits for none any more."""
