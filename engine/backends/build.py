"""The backends of an engine, built from its settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import Backend, Profile
from engine.backends.binary import find_claude
from engine.backends.claude import ClaudeBackend, ClaudeOptions
from engine.backends.credential import Credential
from engine.backends.router import BackendRouter
from engine.backends.simulator import SimulatorBackend
from engine.base.plugins import BACKEND_GROUP, find
from engine.settings.schema import Settings


def build(
    settings: Settings, agent_dirs: AgentDirectories, binary: Path | None, credential: Callable[[], Credential]
) -> BackendRouter:
    """The built-in ones and, when a profile names one, those of extensions. `binary` is the CLI that was chosen."""
    options = ClaudeOptions(
        max_retries=settings.claude.max_retries,
        max_tokens=settings.claude.max_tokens,
        setting_sources=settings.claude.setting_sources,
        stream_hold=settings.claude.stream_hold,
        stream_hold_unwatched=settings.claude.stream_hold_unwatched,
        gc_interval=settings.claude.gc_interval,
        extra_args=settings.claude.extra_args,
    )
    if binary is None and any(profile.backend == "claude" for profile in settings.profiles.values()):
        binary = find_claude(settings.claude.binary or None)
    claude = ClaudeBackend(binary, agent_dirs, credential, options)

    def extension(profile: Profile) -> Backend:
        key = f"profiles.{profile.name}.backend"
        if settings.engine.backend == profile.backend:
            key = "engine.backend"
        made: Backend = find("backend", BACKEND_GROUP, profile.backend, {}, key)(agent_dirs, options)
        return made

    return BackendRouter({"claude": claude, "simulator": SimulatorBackend(agent_dirs, options)}, extension)
