"""A permission broker with its store on disk, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from engine.approvals.broker import PermissionBroker
from engine.approvals.grants import Decision, decided
from engine.approvals.groups import PermissionGroup, groups_of
from engine.approvals.links import LinkReader
from engine.approvals.store import ApprovalStore
from engine.base.clock import ManualClock
from engine.events.bus import Bus
from engine.sessions.permission_port import Requester
from engine.sessions.protocol_events import PermissionWanted

START = 1_000_000.0
HOUR = 3600.0


class Room:
    """A desk, its store on disk, and what the agents were told."""

    def __init__(self, path: Path, clock: ManualClock, links: LinkReader | None = None) -> None:
        self.clock = clock
        self.store = ApprovalStore(path, clock)
        self.store.open()
        self.bus = Bus(clock)
        self.timeout = 60.0
        self.broker = PermissionBroker(self.bus, clock, self.store, lambda: self.timeout, links=links)
        self.told: list[tuple[str, bool, str]] = []
        self.seen: list[object] = []
        self.bus.listen(lambda stamped: self.seen.append(stamped.event))

    def requester(self, session: str, **changes: str) -> Requester:
        """A session; its conversation is named after it."""
        named = {"conversation": f"c-{session}", "profile": "default", "tenant": "default", "workspace": "/w"}
        return Requester(session, **{**named, **changes}, answer=lambda *said: self.told.append(said))

    def ask(self, permission: str, command: str = "rm -rf build", session: str = "s1", **changes: str) -> None:
        """A session asks to run a command."""
        raw = msgspec.Raw(json.dumps({"command": command}).encode())
        self.broker.ask(self.requester(session, **changes), PermissionWanted(permission, "Bash", raw, command))

    def groups(self) -> list[PermissionGroup]:
        """What waits."""
        return groups_of(self.bus.state.permissions.values())

    def decide(self, *, allowed: bool = True, scope: str = "once", expires: str | float | None = None) -> Decision:
        """Ana's decision, now."""
        now = self.clock.wall()
        return decided(allowed=allowed, by="ana", scope=scope, expires=expires, message="", now=now, default=HOUR)

    @property
    def waiting(self) -> list[str]:
        """The permissions that nobody has answered."""
        return list(self.bus.state.permissions)
