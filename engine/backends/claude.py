"""The real Claude Code CLI, held open in stream-json mode. docs/development/protocol.md explains every flag."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.backends.agent_dirs import AgentDirectories, InAgentDirectories
from engine.backends.base import AgentCommand, AgentSpec
from engine.backends.credential import Credential, credential_for
from engine.base import process
from engine.base.caller import DEFAULT_TENANT
from engine.base.errors import BackendMissing

STREAM_FLAGS = (
    "-p",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--permission-prompt-tool=stdio",
)
"""What makes the CLI a held-open worker that asks us for permissions."""

BARRED = "--disallowedTools=ListAgents,SendMessage"
"""Agents that share a configuration directory find each other and send messages, without asking anybody."""

PASSED = ("PATH", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME", "SHELL", "TERM")
"""The only variables that an agent inherits; everything else is named by settings."""

PINNED: Mapping[str, str] = {
    "BUN_JSC_numberOfGCMarkers": "1",
    "CLAUDE_CODE_DISABLE_AGENT_VIEW": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK": "1",
    "CLAUDE_CODE_EAGER_FLUSH": "1",
    "CLAUDE_CODE_STARTUP_FAILURE_RESULTS": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_UPDATES": "1",
}
"""How a pool needs the CLI: early transcripts, no hidden second request, no updates, no daemon, and one thread that
collects garbage (22 % less CPU in the 15 s after a start)."""

_VERSION_TIMEOUT_S = 10


@dataclass(frozen=True)
class ClaudeOptions:
    """What the settings state about every agent."""

    max_retries: int = 0
    max_tokens: int | None = None
    setting_sources: Sequence[str] | None = None
    stream_hold: float = 0.0
    stream_hold_unwatched: float = 0.0
    gc_interval: float | None = None
    extra_args: Sequence[str] = ()
    inherited: Mapping[str, str] = field(default_factory=lambda: inherit(os.environ))


class ClaudeBackend(InAgentDirectories):
    """Starts the CLI at `binary`."""

    def __init__(
        self,
        binary: Path | None,
        agent_dirs: AgentDirectories,
        credential: Callable[[], Credential],
        options: ClaudeOptions,
    ) -> None:
        self._binary = binary
        super().__init__(agent_dirs)
        self._credential = credential
        self._options = options

    def command(self, spec: AgentSpec) -> AgentCommand:
        """The CLI's command line. Raises BackendMissing without a binary, StartFailed without a workspace."""
        argv = (self._program(), *agent_flags(spec, self._options, self.parking(spec)))
        retries = {"CLAUDE_CODE_MAX_RETRIES": str(self._options.max_retries)}
        return AgentCommand(argv, self._agent_dirs.place(spec), {**retries, **self._environment(spec)})

    def terminal(self, spec: AgentSpec) -> AgentCommand:
        """The CLI in its own terminal, which asks the person who sits there; retries are its own again."""
        place = self._agent_dirs.place(spec)
        environment = self._environment(spec)
        if spec.profile.own_home:
            self._agent_dirs.introduce(spec, place, environment.get("ANTHROPIC_API_KEY", ""))
        return AgentCommand((self._program(), *common_flags(spec, self._options)), place, environment)

    def _program(self) -> str:
        if self._binary is None or not os.access(self._binary, os.X_OK):
            raise BackendMissing(
                f"The Claude Code CLI is not at {self._binary}." if self._binary else "There is no Claude Code CLI.",
                remedy="Install it, `pip install 'quarterdeck[claude]'`, or name it with `claude.binary`.",
            )
        return str(self._binary)

    def _environment(self, spec: AgentSpec) -> dict[str, str]:
        profile, scratch = spec.profile, str(self._agent_dirs.scratch(spec.session))
        environment = {
            **self._options.inherited,
            **PINNED,
            "HOME": str(self._agent_dirs.home(profile)),
            "CLAUDE_CONFIG_DIR": str(self._agent_dirs.config_of(profile, spec.session)),
            "CLAUDE_CODE_TMPDIR": scratch,
            "TMPDIR": scratch,
            **tuning(self._options),
            **credential_for(profile.environment, self._credential()).environment(),
        }
        if self._options.max_tokens is not None:
            environment["CLAUDE_CODE_MAX_OUTPUT_TOKENS"] = str(self._options.max_tokens)
        if profile.tenant != DEFAULT_TENANT:
            environment["CLAUDE_CODE_DISABLE_AUTO_MEMORY"] = "1"
        return {**environment, **profile.environment}


def agent_flags(spec: AgentSpec, options: ClaudeOptions, gate: Path | None = None) -> list[str]:
    """The flags of one agent that is held open, parked at `gate` or not."""
    return [*STREAM_FLAGS, *common_flags(spec, options, gate)]


def common_flags(spec: AgentSpec, options: ClaudeOptions, gate: Path | None = None) -> list[str]:
    """The flags of one agent, however it is spoken to; values are joined with `=` as they may begin with a dash."""
    profile = spec.profile
    flags = ["--strict-mcp-config", f"--permission-mode={spec.mode}", BARRED]
    if gate is not None:
        flags.append(f"--resume={gate}")
    else:
        flags.append(f"--resume={spec.conversation}" if spec.resume else f"--session-id={spec.conversation}")
    if profile.model:
        flags.append(f"--model={profile.model}")
    if options.setting_sources is not None:
        flags.append(f"--setting-sources={','.join(options.setting_sources)}")
    elif profile.tenant != DEFAULT_TENANT:
        flags.append("--setting-sources=")
    return [*flags, *options.extra_args]


def tuning(options: ClaudeOptions) -> dict[str, str]:
    """How long the CLI joins pieces of an answer before it writes them, and how often it collects garbage."""
    environment: dict[str, str] = {}
    if options.stream_hold:
        environment["CLAUDE_CODE_STREAM_EVENT_HOLD_MS"] = _milliseconds(options.stream_hold)
    if options.stream_hold_unwatched:
        environment["CLAUDE_CODE_STREAM_EVENT_NO_SUBSCRIBER_HOLD_MS"] = _milliseconds(options.stream_hold_unwatched)
    if options.gc_interval is not None:
        environment["BUN_GC_TIMER_INTERVAL"] = _milliseconds(options.gc_interval)
    return environment


def _milliseconds(seconds: float) -> str:
    return str(max(1, round(1e3 * seconds)))


def inherit(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that agents may see."""
    return {name: environ[name] for name in PASSED if name in environ}


def cli_version(binary: Path) -> str:
    """First word of `claude --version`, or an empty string when it does not answer."""
    try:
        done = subprocess.run(
            [str(binary), "--version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            check=False,
            umask=process.child_umask(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.split()[0] if done.returncode == 0 and done.stdout.split() else ""
