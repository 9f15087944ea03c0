"""The port to an agent: how to start one that speaks stream-json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

DEFAULT_TENANT = "default"
SIMULATOR = "simulator"
"""The backend whose answers are simulated, cost nothing and say so."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What must be equal for two requests to share a session (DESIGN section 1)."""

    name: str
    tenant: str = DEFAULT_TENANT
    backend: str = "claude"
    model: str = ""
    permission_mode: str = "default"
    workspace: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    own_home: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Names the sub-pool of this profile."""
        return (self.tenant, self.name)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent to start: a new conversation under an id that we choose, or a known one to resume."""

    session: str
    profile: Profile
    conversation: str
    resume: bool = False


@dataclass(frozen=True, slots=True)
class AgentCommand:
    """How to start it: `argv` without a shell, working directory, the whole environment."""

    argv: tuple[str, ...]
    cwd: Path
    environment: Mapping[str, str]


class Backend(Protocol):
    """Knows one kind of agent."""

    def command(self, spec: AgentSpec) -> AgentCommand:
        """How to start an agent; makes its folders. Raises BackendMissing or StartFailed."""

    def release(self, spec: AgentSpec) -> None:
        """The agent has ended: take away what only it used."""

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """The file that holds a conversation, or None when there is none to resume."""

    def outputs(self, profile: Profile, conversation: str) -> Sequence[Path]:
        """The files that a conversation's tools write while they run in the background."""
