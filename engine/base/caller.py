"""Who calls an operation, by which door, and what that caller may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DEFAULT_TENANT = "default"


class Scope(StrEnum):
    """What an operation needs; a caller holds the scopes that its door or its token gives."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Door(StrEnum):
    """How a caller reached the engine."""

    LOCAL_SOCKET = "local_socket"
    TOKEN = "token"  # noqa: S105 - the name of a door
    CONSOLE = "console"
    CLI = "cli"
    LIBRARY = "library"


@dataclass(frozen=True, slots=True)
class Caller:
    """A user of a tenant with scopes; `pid` is the calling process where it is known, else 0."""

    user: str
    tenant: str = DEFAULT_TENANT
    scopes: frozenset[Scope] = frozenset(Scope)
    door: Door = Door.LIBRARY
    pid: int = 0

    @property
    def name(self) -> str:
        """The user as histories record it, with the pid where it is known."""
        return f"{self.user} (pid {self.pid})" if self.pid else self.user

    @property
    def only_tenant(self) -> str | None:
        """The tenant whose matters alone the caller reaches; None for the operators of the engine, who reach all.

        Those are callers of the default tenant on this machine, and remote ones with the scope admin.
        """
        is_operator = self.tenant == DEFAULT_TENANT and (not self.remote or Scope.ADMIN in self.scopes)
        return None if is_operator else self.tenant

    def reaches(self, tenant: str) -> bool:
        """Whether the caller may read and change what belongs to a tenant."""
        return self.only_tenant in {None, tenant}

    @property
    def remote(self) -> bool:
        """Whether the caller may be on another machine: a token, not the file system, let it in."""
        return self.door is Door.TOKEN
