"""The CLI's flags, as far as a pool and the vendor's SDK use them, with the CLI's own complaints (measured on 2.1.330).

A flag is modelled, has nothing to act on here, or is refused by name: none is accepted and then ignored.
"""

from __future__ import annotations

import json
import re

MODES = ("acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan")
_MODE_CHOICES = "acceptEdits, auto, bypassPermissions, manual, dontAsk, plan"
SOURCES = ("user", "project", "local")

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")

# Switches with nothing to act on: output is always verbose, no MCP server, skill or plugin is loaded unasked.
_IDLE_SWITCHES = frozenset(
    {"-p", "--print", "--verbose", "--strict-mcp-config", "--bare", "--safe-mode", "--await-initialize"}
)
_SWITCHES = _IDLE_SWITCHES | {
    "--continue",
    "-c",
    "--dangerously-skip-permissions",
    "--fork-session",
    "--include-partial-messages",
    "--no-session-persistence",
    "--session-mirror",
}
# Values that shape what a model says; scripted replies do not depend on them.
_IDLE_VALUED = frozenset(
    {
        "--append-system-prompt",
        "--betas",
        "--effort",
        "--max-thinking-tokens",
        "--system-prompt",
        "--system-prompt-file",
        "--thinking",
        "--thinking-display",
    }
)
_VALUED = _IDLE_VALUED | {
    "--add-dir",
    "--agents",
    "--allowedTools",
    "--disallowedTools",
    "--input-format",
    "--json-schema",
    "--max-budget-usd",
    "--max-turns",
    "--mcp-config",
    "--model",
    "--output-format",
    "--permission-mode",
    "--permission-prompt-tool",
    "--permission-prompts",
    "--resume",
    "--resume-drops-turn",
    "--resume-session-at",
    "--session-id",
    "--setting-sources",
    "--settings",
    "--tools",
}
_SPELLINGS = {"-r": "--resume", "--allowed-tools": "--allowedTools", "--disallowed-tools": "--disallowedTools"}
_NOT_MODELLED = frozenset(
    {
        "--await-claim",
        "--channels",
        "--chrome",
        "--debug",
        "--debug-file",
        "--fallback-model",
        "--ide",
        "--include-hook-events",
        "--managed-settings",
        "--plugin-dir",
        "--preload",
        "--replay-user-messages",
        "--restricted",
        "--rewind-files",
        "--task-budget",
        "--worktree",
    }
)


class BadFlags(Exception):
    """The process ends with exit code 1 and this line on stderr."""


class Options:
    """What the command line says; `max_turns` of 0 and `max_budget` of None are no limit."""

    __slots__ = (
        "agents",
        "allowed",
        "asks",
        "continues",
        "directories",
        "disallowed",
        "drops_turn",
        "forks",
        "keeps_transcript",
        "max_budget",
        "max_turns",
        "mcp",
        "mirrors",
        "mode",
        "model",
        "partial",
        "resume",
        "resume_at",
        "schema",
        "session",
        "settings",
        "sources",
        "tools",
    )

    def __init__(self) -> None:
        self.session: str | None = None
        self.resume: str | None = None
        self.resume_at: str | None = None
        self.drops_turn: str | None = None
        self.continues = False
        self.forks = False
        self.model = ""
        self.mode = "default"
        self.asks = False
        self.partial = False
        self.keeps_transcript = True
        self.mirrors = False
        self.allowed: list[str] = []
        self.disallowed: list[str] = []
        self.tools: list[str] | None = None
        self.directories: list[str] = []
        self.max_turns = 0
        self.max_budget: float | None = None
        self.schema: dict[str, object] | None = None
        self.mcp: list[str] = []
        self.agents: dict[str, object] = {}
        self.settings: dict[str, object] = {}
        self.sources: tuple[str, ...] = SOURCES


def read_flags(argv: list[str]) -> Options:
    """The options of a command line. Raises BadFlags with the CLI's words."""
    switches, values = _split(argv)
    _check_formats(switches, values)
    options = Options()
    _read_session(options, switches, values)
    _read_permissions(options, switches, values)
    _read_limits(options, values)
    options.model = _last(values, "--model", "")
    options.partial = "--include-partial-messages" in switches
    options.keeps_transcript = "--no-session-persistence" not in switches
    options.mirrors = "--session-mirror" in switches
    for value in values.get("--mcp-config", ()):
        options.mcp += _mcp_servers(value)
    options.agents = _object("--agents", _last(values, "--agents", "{}"))
    options.settings = _object("--settings", _last(values, "--settings", "{}"))
    if "--setting-sources" in values:
        options.sources = tuple(name for name in _last(values, "--setting-sources", "").split(",") if name)
        for name in options.sources:
            if name not in SOURCES:
                raise BadFlags(
                    f"Error processing --setting-sources: Invalid setting source: {name}. "
                    f"Valid options are: {', '.join(SOURCES)}"
                )
    return options


def is_uuid(text: str) -> bool:
    """Whether the CLI takes `text` for a session's id."""
    return _UUID.fullmatch(text) is not None


def names(value: str) -> list[str]:
    """Tool names or rules such as `Bash(touch *)`, apart by commas or blanks."""
    return re.findall(r"[^\s,(]+(?:\([^)]*\))?", value)


def _split(argv: list[str]) -> tuple[set[str], dict[str, list[str]]]:
    switches: set[str] = set()
    values: dict[str, list[str]] = {}
    rest = iter(argv)
    for argument in rest:
        given, joined, value = argument.partition("=")
        name = _SPELLINGS.get(given, given)
        if name in _SWITCHES and not joined:
            switches.add(name)
        elif name in _VALUED:
            values.setdefault(name, []).append(value if joined else _next(rest, name))
        elif name in _NOT_MODELLED:
            raise BadFlags(
                f"error: option '{given}' is not modelled by the simulator; leave it out or use the real CLI"
            )
        elif argument.startswith("-"):
            raise BadFlags(f"error: unknown option '{argument}'")
    return switches, values


def _next(rest: object, name: str) -> str:
    value = next(rest, None)  # type: ignore[call-overload]
    if value is None:
        raise BadFlags(f"error: option '{name} <value>' argument missing")
    return str(value)


def _last(values: dict[str, list[str]], name: str, default: str) -> str:
    return values[name][-1] if name in values else default


def _check_formats(switches: set[str], values: dict[str, list[str]]) -> None:
    if _last(values, "--output-format", "") == "stream-json" and "--verbose" not in switches:
        raise BadFlags("Error: When using --print, --output-format=stream-json requires --verbose")
    if {_last(values, name, "") for name in ("--input-format", "--output-format")} != {"stream-json"}:
        raise BadFlags("Error: the simulator speaks --input-format=stream-json and --output-format=stream-json only")


def _read_session(options: Options, switches: set[str], values: dict[str, list[str]]) -> None:
    options.session = _last(values, "--session-id", "") or None
    options.resume = _last(values, "--resume", "") if "--resume" in values else None
    options.continues = bool(switches & {"--continue", "-c"})
    options.forks = "--fork-session" in switches
    options.resume_at = _last(values, "--resume-session-at", "") or None
    options.drops_turn = _last(values, "--resume-drops-turn", "") if "--resume-drops-turn" in values else None
    if options.session is not None and not is_uuid(options.session):
        raise BadFlags("Error: Invalid session ID. Must be a valid UUID.")
    resumes = options.resume is not None or options.continues
    if options.session is not None and resumes and not options.forks:
        raise BadFlags("Error: --session-id with --continue or --resume also needs --fork-session.")
    if options.resume_at is not None and options.resume is None:
        raise BadFlags("Error: --resume-session-at requires --resume")
    if options.drops_turn is not None and options.resume_at is None:
        raise BadFlags("Error: --resume-drops-turn requires --resume-session-at")


def _read_permissions(options: Options, switches: set[str], values: dict[str, list[str]]) -> None:
    options.mode = _mode(_last(values, "--permission-mode", "default"))
    if "--dangerously-skip-permissions" in switches:
        options.mode = "bypassPermissions"
    asked_by = _last(values, "--permission-prompt-tool", "")
    if asked_by not in {"", "stdio"}:
        raise BadFlags(f"error: --permission-prompt-tool '{asked_by}' is not modelled by the simulator; use stdio")
    options.asks = asked_by == "stdio" and _last(values, "--permission-prompts", "") != "none"
    options.allowed = [name for value in values.get("--allowedTools", ()) for name in names(value)]
    options.disallowed = [name for value in values.get("--disallowedTools", ()) for name in names(value)]
    chosen = _last(values, "--tools", "default")
    options.tools = None if chosen == "default" else names(chosen)
    options.directories = list(values.get("--add-dir", ()))


def _read_limits(options: Options, values: dict[str, list[str]]) -> None:
    turns = _last(values, "--max-turns", "0")
    try:
        options.max_turns = int(float(turns))
    except ValueError:
        raise BadFlags(f"error: option '--max-turns <turns>' argument '{turns}' is invalid. must be a number") from None
    if "--max-budget-usd" in values:
        options.max_budget = _budget(_last(values, "--max-budget-usd", ""))
    if "--json-schema" in values:
        options.schema = _object("--json-schema", _last(values, "--json-schema", ""))


def _budget(given: str) -> float:
    try:
        budget = float(given)
    except ValueError:
        budget = 0.0
    if not budget > 0:
        raise BadFlags(
            f"error: option '--max-budget-usd <amount>' argument '{given}' is invalid. "
            "--max-budget-usd must be a number greater than 0"
        )
    return budget


def _mode(given: str) -> str:
    mode = "default" if given == "manual" else given
    if mode not in MODES:
        raise BadFlags(
            f"error: option '--permission-mode <mode>' argument '{given}' is invalid. "
            f"Allowed choices are {_MODE_CHOICES}."
        )
    return mode


def _object(flag: str, value: str) -> dict[str, object]:
    """A JSON object, given as it is or as a file that holds it."""
    if not value.lstrip().startswith("{"):
        try:
            with open(value, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs start time
                value = file.read()
        except OSError as error:
            raise BadFlags(f"Error: {flag} file not found: {value} ({error.strerror})") from None
    try:
        decoded = json.loads(value)
    except ValueError as error:
        raise BadFlags(f"Error: {flag} is not valid JSON: {error}") from None
    return decoded if isinstance(decoded, dict) else {}


def _mcp_servers(value: str) -> list[str]:
    """The names of the host's own servers in an `--mcp-config`; others are refused by name."""
    servers = _object("--mcp-config", value).get("mcpServers")
    found = servers if isinstance(servers, dict) else {}
    for name, server in found.items():
        kind = server.get("type", "stdio") if isinstance(server, dict) else "unknown"
        if kind != "sdk":
            raise BadFlags(
                f"error: MCP server '{name}' ({kind}) is not modelled by the simulator, which reaches servers of the "
                "host only (type sdk); leave it out or use the real CLI"
            )
    return list(found)
