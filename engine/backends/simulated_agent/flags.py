"""The CLI's flags, as far as a pool uses them, with the CLI's own complaints (measured on 2.1.329)."""

from __future__ import annotations

import re

MODES = ("acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan")
_MODE_CHOICES = "acceptEdits, auto, bypassPermissions, manual, dontAsk, plan"

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

_SWITCHES = frozenset(
    {
        "-p",
        "--print",
        "--verbose",
        "--include-partial-messages",
        "--strict-mcp-config",
        "--bare",
        "--safe-mode",
        "--replay-user-messages",
        "--include-hook-events",
        "--await-initialize",
        "--no-session-persistence",
        "--fork-session",
        "--dangerously-skip-permissions",
    }
)
_VALUED = frozenset(
    {
        "--input-format",
        "--output-format",
        "--permission-prompt-tool",
        "--permission-prompts",
        "--session-id",
        "--resume",
        "--model",
        "--fallback-model",
        "--permission-mode",
        "--setting-sources",
        "--settings",
        "--mcp-config",
        "--allowedTools",
        "--disallowedTools",
        "--tools",
        "--add-dir",
        "--max-turns",
        "--max-budget-usd",
        "--effort",
        "--append-system-prompt",
        "--json-schema",
        "--betas",
        "--agents",
    }
)


class BadFlags(Exception):
    """The process ends with exit code 1 and this line on stderr."""


class Options:
    """What the command line says."""

    __slots__ = ("allowed", "asks", "disallowed", "keeps_transcript", "mode", "model", "partial", "resume", "session")

    def __init__(self) -> None:
        self.session: str | None = None
        self.resume: str | None = None
        self.model = ""
        self.mode = "default"
        self.asks = False
        self.partial = False
        self.keeps_transcript = True
        self.allowed: list[str] = []
        self.disallowed: list[str] = []


def read_flags(argv: list[str]) -> Options:
    """The options of a command line. Raises BadFlags with the CLI's words."""
    switches, values = _split(argv)
    _check_formats(switches, values)
    options = Options()
    options.session = values.get("--session-id")
    options.resume = values.get("--resume")
    options.model = values.get("--model", "")
    options.mode = _mode(values.get("--permission-mode", "default"))
    if "--dangerously-skip-permissions" in switches:
        options.mode = "bypassPermissions"
    options.asks = values.get("--permission-prompt-tool") == "stdio"
    options.partial = "--include-partial-messages" in switches
    options.keeps_transcript = "--no-session-persistence" not in switches
    options.allowed = _names(values.get("--allowedTools", ""))
    options.disallowed = _names(values.get("--disallowedTools", ""))
    if options.session is not None and not is_uuid(options.session):
        raise BadFlags("Error: Invalid session ID. Must be a valid UUID.")
    return options


def is_uuid(text: str) -> bool:
    """Whether the CLI takes `text` for a session's id."""
    return _UUID.fullmatch(text) is not None


def _split(argv: list[str]) -> tuple[set[str], dict[str, str]]:
    switches: set[str] = set()
    values: dict[str, str] = {}
    rest = iter(argv)
    for argument in rest:
        name, joined, value = argument.partition("=")
        if name in _SWITCHES and not joined:
            switches.add(name)
        elif name in _VALUED:
            values[name] = value if joined else _next(rest, name)
        elif argument.startswith("-"):
            raise BadFlags(f"error: unknown option '{argument}'")
    return switches, values


def _next(rest: object, name: str) -> str:
    value = next(rest, None)  # type: ignore[call-overload]
    if value is None:
        raise BadFlags(f"error: option '{name} <value>' argument missing")
    return str(value)


def _check_formats(switches: set[str], values: dict[str, str]) -> None:
    if values.get("--output-format") == "stream-json" and "--verbose" not in switches:
        raise BadFlags("Error: When using --print, --output-format=stream-json requires --verbose")
    if values.get("--input-format") != "stream-json" or values.get("--output-format") != "stream-json":
        raise BadFlags("Error: the simulator speaks --input-format=stream-json and --output-format=stream-json only")


def _mode(given: str) -> str:
    mode = "default" if given == "manual" else given
    if mode not in MODES:
        raise BadFlags(
            f"error: option '--permission-mode <mode>' argument '{given}' is invalid. "
            f"Allowed choices are {_MODE_CHOICES}."
        )
    return mode


def _names(value: str) -> list[str]:
    """Tool names or rules such as `Bash(touch *)`, apart by commas or blanks."""
    return re.findall(r"[^\s,(]+(?:\([^)]*\))?", value)
