"""What the settings files, agents and commands of the user and the project say, as far as it is modelled."""

from __future__ import annotations

import json
import os
import re

from engine.simulated_agent.lines import Line
from engine.simulated_agent.transcript import config_folder

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.flags import Options

MOST_FILES = 1000

_FIELD = re.compile(r"^(\w+):\s*(.*)$", re.MULTILINE)


class ProjectFiles:
    """The settings in their order of weight: user, project, local, command line."""

    def __init__(self, options: Options) -> None:
        self.output_style = "default"
        self.agents: dict[str, str] = {}
        self.commands: list[str] = []
        self.allowed: list[str] = []
        self.disallowed: list[str] = []
        self.asked: list[str] = []
        self.tool_hooks: list[str] = []
        self.other_hooks: list[str] = []
        folders = {"user": config_folder(), "project": f"{os.getcwd()}/.claude"}  # noqa: PTH109
        for source, folder in folders.items():
            if source in options.sources:
                self._take(_read(f"{folder}/settings.json"), trusted=source == "user")
                self._take_folder(folder)
        if "local" in options.sources:
            self._take(_read(f"{folders['project']}/settings.local.json"), trusted=False)
        self._take(options.settings, trusted=True)
        for name, agent in options.agents.items():
            self.agents[name] = str(agent.get("description", "")) if isinstance(agent, dict) else ""

    def blocking_hook(self, tool: str) -> bool:
        """Whether a hook of the settings must be run before this tool is used."""
        return any(not matcher or matcher == "*" or re.fullmatch(matcher, tool) for matcher in self.tool_hooks)

    def _take(self, settings: Line, *, trusted: bool) -> None:
        style = settings.get("outputStyle")
        self.output_style = style if isinstance(style, str) else self.output_style
        permissions = settings.get("permissions")
        rules = permissions if isinstance(permissions, dict) else {}
        self.disallowed += _texts(rules.get("deny"))
        self.asked += _texts(rules.get("ask"))
        # A folder must not be able to grant itself the use of tools.
        self.allowed += _texts(rules.get("allow")) if trusted else []
        hooks = settings.get("hooks")
        for event, matchers in (hooks if isinstance(hooks, dict) else {}).items():
            if event == "PreToolUse":
                found = matchers if isinstance(matchers, list) else []
                self.tool_hooks += [str(each.get("matcher") or "") for each in found if isinstance(each, dict)]
            else:
                self.other_hooks.append(str(event))

    def _take_folder(self, folder: str) -> None:
        for path, text in _markdown(f"{folder}/agents"):
            fields = dict(_FIELD.findall(text.partition("\n---")[0]))
            self.agents[fields.get("name", path)] = fields.get("description", "")
        self.commands += [path for path, _ in _markdown(f"{folder}/commands")]


def _read(path: str) -> Line:
    """The settings of a file; one that is missing or damaged counts as empty, as in the CLI."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs start time
            decoded = json.load(file)
    except (OSError, ValueError):
        return {}
    return decoded if isinstance(decoded, dict) else {}


def _markdown(folder: str) -> list[tuple[str, str]]:
    """Name and text of the Markdown files of a folder, in order."""
    found = []
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".md"))  # noqa: PTH208
        for name in names[:MOST_FILES]:
            with open(f"{folder}/{name}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                found.append((name.removesuffix(".md"), file.read()))
    except OSError:
        return found
    return found


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
