"""The embedded agent: a real process that speaks the CLI's lines, for machines without one and for hundreds at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from engine.backends.agent_dirs import AgentDirectories
from engine.backends.base import AgentCommand, AgentSpec, Profile
from engine.backends.claude import ClaudeOptions, agent_flags

AGENT = Path(__file__).parents[1] / "simulated_agent" / "__main__.py"


class SimulatorBackend:
    """Starts the simulated agent with the interpreter that runs the engine."""

    def __init__(self, agent_dirs: AgentDirectories, options: ClaudeOptions) -> None:
        self._agent_dirs = agent_dirs
        self._options = options

    def command(self, spec: AgentSpec) -> AgentCommand:
        """The agent's command line; an isolated interpreter without site packages starts fastest."""
        scratch = str(self._agent_dirs.scratch(spec.session))
        argv = (sys.executable, "-I", "-S", str(AGENT), *agent_flags(spec, self._options))
        environment = {
            **self._options.inherited,
            "CLAUDE_CODE_MAX_RETRIES": str(self._options.max_retries),
            "HOME": str(self._agent_dirs.home(spec.profile)),
            "CLAUDE_CONFIG_DIR": str(self._agent_dirs.config(spec.profile)),
            "CLAUDE_CODE_TMPDIR": scratch,
            "TMPDIR": scratch,
            **spec.profile.environment,
        }
        if self._options.max_tokens is not None:
            environment.setdefault("CLAUDE_CODE_MAX_OUTPUT_TOKENS", str(self._options.max_tokens))
        return AgentCommand(argv, self._agent_dirs.place(spec), environment)

    def release(self, spec: AgentSpec) -> None:
        """The agent has ended: its scratch folder goes; simulators do not watch each other's configuration."""
        self._agent_dirs.release(spec.profile, spec.session)

    def directory(self, profile: Profile, conversation: str) -> Path:
        """The profile's workspace, or the conversation's own directory."""
        return self._agent_dirs.directory(profile, conversation)

    def sweep(self, spec: AgentSpec, conversation: str) -> None:
        """Empty its scratch folder of all that is not of this conversation."""
        self._agent_dirs.sweep(spec.session, conversation)

    def transcript(self, profile: Profile, conversation: str) -> Path | None:
        """The conversation's file in the profile's configuration directory."""
        return self._agent_dirs.transcript(profile, conversation)

    def outputs(self, spec: AgentSpec, conversation: str) -> Sequence[Path]:
        """What its tools write, in the session's scratch folder."""
        return self._agent_dirs.outputs(spec.session, conversation)
