"""The permission broker with its store, and the breakers of tools that it obeys."""

from __future__ import annotations

from collections.abc import Callable

from engine.approvals.broker import PermissionBroker
from engine.approvals.store import ApprovalStore
from engine.parts.core import Core
from engine.parts.part import Part


class Permissions(Part):
    """Owner of the broker; `barred` states why a tool may not be used now, or nothing."""

    def __init__(self, core: Core, barred: Callable[[str], str]) -> None:
        self.broker = PermissionBroker(
            core.bus,
            core.clock,
            ApprovalStore(core.state / "approvals.db", core.clock),
            lambda: core.settings.claude.permission_timeout,
            barred=barred,
        )

    async def open(self) -> None:
        """Open the store."""
        self.broker.store.open()

    async def aclose(self) -> None:
        """Close the store."""
        self.broker.store.close()
