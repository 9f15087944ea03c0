"""What a session needs of whoever decides what its agent may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.sessions.protocol_events import PermissionWanted


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
    answer: Callable[[str, bool, str], None]
    grants: str = ""
    timeout: float | None = None
    breaker: str = ""


class PermissionPort(Protocol):
    """Decides permission requests; the answer reaches the session through `Requester.answer`."""

    def ask(self, requester: Requester, wanted: PermissionWanted) -> None:
        """The agent waits until this is answered."""

    def withdraw(self, session: str, permission: str) -> None:
        """The agent no longer waits for this one."""

    def withdraw_session(self, session: str) -> None:
        """The session waits for none any more."""
