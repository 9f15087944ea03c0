"""The backend of each profile, behind the one port that the sessions use."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.backends.base import AgentCommand, AgentSpec, Backend, Profile


class BackendsByProfile:
    """Passes every question on to the backend that the profile names."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self._backends = backends

    def command(self, spec: AgentSpec) -> AgentCommand:
        """How to start an agent. Raises BackendMissing or StartFailed."""
        return self._backends[spec.profile.backend].command(spec)

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """The file that holds a conversation."""
        return self._backends[profile.backend].transcript(profile, conversation)
