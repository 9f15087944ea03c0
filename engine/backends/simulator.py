"""The embedded agent: a real process that speaks the CLI's lines, for machines without one and for hundreds at once."""

from __future__ import annotations

import sys
from pathlib import Path

from engine.backends.agent_dirs import AgentDirectories, InAgentDirectories
from engine.backends.base import AgentCommand, AgentSpec
from engine.backends.claude import ClaudeOptions, agent_flags
from engine.base.errors import Forbidden

AGENT = Path(__file__).parents[1] / "simulated_agent" / "__main__.py"


class SimulatorBackend(InAgentDirectories):
    """Starts the simulated agent with the interpreter that runs the engine."""

    def __init__(self, agent_dirs: AgentDirectories, options: ClaudeOptions) -> None:
        super().__init__(agent_dirs)
        self._options = options

    def command(self, spec: AgentSpec) -> AgentCommand:
        """The agent's command line; an isolated interpreter without site packages starts fastest."""
        scratch = str(self._agent_dirs.scratch(spec.session))
        argv = (sys.executable, "-I", "-S", str(AGENT), *agent_flags(spec, self._options, self.parking(spec)))
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

    def terminal(self, spec: AgentSpec) -> AgentCommand:
        """Raises Forbidden: what answers here is no program for a person."""
        raise Forbidden(
            f"The simulator has no terminal, and conversation {spec.conversation} is one of its own.",
            remedy="Send a prompt instead; conversations of the real CLI can be opened in its terminal.",
        )
