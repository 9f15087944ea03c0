"""The backend of each profile, behind the one port that the sessions use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.backends.base import AgentCommand, AgentSpec, Backend, Profile
from engine.base.errors import Forbidden


class BackendRouter:
    """Passes every question on to the backend that the profile names; `make` makes those that are not built in."""

    def __init__(self, built_in: Mapping[str, Backend], make: Callable[[Profile], Backend]) -> None:
        self._backends = dict(built_in)
        self._make = make

    def replace(self, other: BackendRouter) -> None:
        """Start agents as `other` does from now on; those that run are not touched."""
        self._backends, self._make = dict(other._backends), other._make

    def command(self, spec: AgentSpec) -> AgentCommand:
        """How to start an agent. Raises BackendMissing or StartFailed, SettingsError for an unknown backend."""
        return self._of(spec.profile).command(spec)

    def gate(self, spec: AgentSpec) -> Path:
        """The named pipe of a parked agent. Raises SettingsError for an unknown backend."""
        return self._of(spec.profile).gate(spec)

    def terminal(self, spec: AgentSpec) -> AgentCommand:
        """How a person goes on with a conversation in a terminal. Raises Forbidden for a backend that has none."""
        backend = self._of(spec.profile)
        if not hasattr(backend, "terminal"):  # an extension's may be older than this
            remedy = "Send a prompt instead; the extension that brings the backend decides on that."
            raise Forbidden(f"The backend {spec.profile.backend} has no terminal.", remedy=remedy)
        return backend.terminal(spec)

    def release(self, spec: AgentSpec) -> None:
        """The agent has ended. Raises SettingsError for an unknown backend."""
        self._of(spec.profile).release(spec)

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """The file that holds a conversation. Raises SettingsError for an unknown backend."""
        return self._of(profile).transcript(profile, conversation)

    def directory(self, profile: Profile, conversation: str) -> Path:
        """Where the agents of a conversation work. Raises StartFailed, SettingsError for an unknown backend."""
        return self._of(profile).directory(profile, conversation)

    def sweep(self, spec: AgentSpec, conversation: str) -> None:
        """The agent goes on to another conversation. Raises SettingsError for an unknown backend."""
        self._of(spec.profile).sweep(spec, conversation)

    def outputs(self, spec: AgentSpec, conversation: str) -> Sequence[Path]:
        """What its tools write. Raises SettingsError for an unknown backend."""
        return self._of(spec.profile).outputs(spec, conversation)

    def _of(self, profile: Profile) -> Backend:
        if profile.backend not in self._backends:
            self._backends[profile.backend] = self._make(profile)
        return self._backends[profile.backend]
