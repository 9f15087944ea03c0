"""The port to an agent: how to start one that speaks stream-json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.backends.credential import signs_in_by_itself
from engine.base.caller import DEFAULT_TENANT

SIMULATOR = "simulator"
"""The backend whose answers are simulated, cost nothing and say so."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What must be equal for two requests to share a session.

    `endpoint` names where its calls go when that is not where the settings' credential leads. `fingerprint` is a hash
    over all that reaches an agent, so a profile whose settings changed is another one.
    """

    name: str
    tenant: str = DEFAULT_TENANT
    backend: str = "claude"
    model: str = ""
    permission_mode: str = "default"
    workspace: Path | None = None
    directories: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    own_home: bool = False
    endpoint: str = ""
    fingerprint: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Names the sub-pool of this profile's present content: only its members may stand in for each other."""
        return (self.tenant, self.name, self.fingerprint)

    @property
    def credential(self) -> str:
        """Names what it signs in with: `default` for the settings' credential, which profiles share, or its own."""
        if not signs_in_by_itself(self.environment):
            return "default"
        return self.name if self.name != "default" else "default@own"

    def at_endpoint(self, name: str) -> str:
        """A name of something that depends on where the profile's calls go: `NAME`, or `NAME@ENDPOINT`."""
        return f"{name}@{self.endpoint}" if self.endpoint else name

    @property
    def named(self) -> tuple[str, str]:
        """The profile whatever its content."""
        return (self.tenant, self.name)


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent to start: a new conversation under an id that we choose, or a known one to resume.

    `directory` is where it works when that is not the backend's choice, `named_directory` that its request named it,
    `permission_mode` what it may do when that is less than its profile allows. One that is `parked` does its start and
    waits at its gate until it is given a conversation to resume; until then `conversation` is empty.
    """

    session: str
    profile: Profile
    conversation: str
    resume: bool = False
    directory: Path | None = None
    named_directory: bool = False
    permission_mode: str = ""
    parked: bool = False

    @property
    def mode(self) -> str:
        """The permission mode that it starts with."""
        return self.permission_mode or self.profile.permission_mode


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

    def gate(self, spec: AgentSpec) -> Path:
        """The named pipe that a parked agent waits at; `command` makes it, `release` takes it away."""

    def terminal(self, spec: AgentSpec) -> AgentCommand:
        """How a person goes on with its conversation in a terminal. Raises Forbidden, BackendMissing or StartFailed."""

    def release(self, spec: AgentSpec) -> None:
        """The agent has ended: take away what only it used."""

    def directory(self, profile: Profile, conversation: str) -> Path:
        """Where the agents of a conversation work; makes it. Raises StartFailed."""

    def sweep(self, spec: AgentSpec, conversation: str) -> None:
        """The agent goes on to another conversation: take away what it kept for a while in the one before."""

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """The file that holds a conversation, or None when there is none to resume."""

    def outputs(self, spec: AgentSpec, conversation: str) -> Sequence[Path]:
        """The files that a conversation's tools write while they run in the background of an agent."""
