"""Whether a tool may be used before anybody is asked: the CLI's own rules in outline, where they were measured.

Commands that only read inside the workspace are never asked about, `acceptEdits` lets files of the workspace be
written, anything else is asked for: a read outside the workspace too.
"""

from __future__ import annotations

import os
import re
import shlex

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    from engine.simulated_agent.lines import Line

FILE_TOOLS = frozenset({"Read", "Write", "Edit"})
OUTSIDE = "Path is outside allowed working directories"
NEEDS_APPROVAL = "This command requires approval"

_READERS = frozenset({"cat", "cut", "grep", "head", "ls", "sort", "stat", "tail", "uniq", "wc"})
_HARMLESS = frozenset({"date", "echo", "false", "hostname", "pwd", "sleep", "true", "uname", "whoami"}) | _READERS
_EDITORS = frozenset({"cp", "mkdir", "mv", "rm", "rmdir", "touch"})
_PARTS = re.compile(r"\s*(?:&&|\|\||;|\||\n)\s*")
_QUIET = re.compile(r"\s2>\s?(?:/dev/null|&1)")
_VARIABLE = re.compile(r"\$\w+")
_REDIRECTED = re.compile(r">>?\s*([^\s&|;<>]+)")
_READING = re.compile(r"git (?:diff|log|show|status)\b|sed -n\s(?!.*\s-i)")
_CHANGES = re.compile(r"[<>&`$(){}]")


class Verdict:
    """What the rules say, and why."""

    ALLOW, ASK, DENY = "allow", "ask", "deny"

    def __init__(self, ruled: str, reason: str = "", kind: str = "other", blocked: str | None = None) -> None:
        self.ruled = ruled
        self.reason = reason
        self.kind = kind
        self.blocked = blocked


class Rules:
    """The rules of one process; answers of the host may add to them."""

    def __init__(self, allowed: list[str], disallowed: list[str], asked: list[str], directories: list[str]) -> None:
        self.allowed = allowed
        self._disallowed = disallowed
        self._asked = asked
        self.directories = [os.path.realpath(path) for path in (os.getcwd(), *directories)]  # noqa: PTH109

    def removes(self, name: str) -> bool:
        """Whether a tool is forbidden altogether, so that there is no such tool."""
        return name in self._disallowed

    def verdict(self, name: str, arguments: Line, mode: str) -> Verdict:
        """What holds for this use."""
        if any(_covers(rule, name, arguments) for rule in self._disallowed):
            return Verdict(Verdict.DENY)
        if mode == "bypassPermissions":
            return Verdict(Verdict.ALLOW)
        if any(_covers(rule, name, arguments) for rule in self._asked):
            return self._asking(name, arguments, mode)
        if any(_covers(rule, name, arguments) for rule in self.allowed):
            return Verdict(Verdict.ALLOW, kind="rule")
        if self._is_free(name, arguments, mode):
            return Verdict(Verdict.ALLOW)
        return self._asking(name, arguments, mode)

    def _asking(self, name: str, arguments: Line, mode: str) -> Verdict:
        ruled = Verdict.DENY if mode == "dontAsk" else Verdict.ASK
        if name == "Bash":
            command = str(arguments.get("command", ""))
            outside = self._outside(command) or _edited(command)
            return Verdict(ruled, "" if outside else NEEDS_APPROVAL, blocked=outside)
        if name in FILE_TOOLS and not self._inside(str(arguments.get("file_path", ""))):
            return Verdict(ruled, OUTSIDE, "workingDir")
        return Verdict(ruled)

    def _is_free(self, name: str, arguments: Line, mode: str) -> bool:
        if name == "Bash":
            return self._is_free_command(str(arguments.get("command", "")), mode)
        if name in FILE_TOOLS:
            path = str(arguments.get("file_path", ""))
            return (name == "Read" or mode == "acceptEdits") and self._inside(path)
        return False

    def _is_free_command(self, command: str, mode: str) -> bool:
        plain = _QUIET.sub("", f" {command}").strip()
        known = _HARMLESS | _EDITORS if mode == "acceptEdits" else _HARMLESS
        parts = [part for part in _PARTS.split(plain) if part]
        return bool(parts) and all(self._is_free_part(part, known) for part in parts)

    def _is_free_part(self, part: str, known: frozenset[str]) -> bool:
        name, _, rest = part.partition(" ")
        if name == "echo":
            rest = _VARIABLE.sub("", rest)
        if _READING.match(part) and not _CHANGES.search(part):
            return self._outside(part) is None
        if name not in known or _CHANGES.search(rest) or (name == "date" and re.search(r"(^|\s)(-s|--set)", rest)):
            return False
        return name not in (_READERS | _EDITORS) or self._outside(part) is None

    def _outside(self, command: str) -> str | None:
        """The first path of a command that lies outside the workspace."""
        try:
            words = shlex.split(command)
        except ValueError:
            return None
        for word in words[1:]:
            if not word.startswith("-") and ("/" in word or word == "..") and not self._inside(word):
                return os.path.realpath(os.path.expanduser(word))  # noqa: PTH111
        return None

    def _inside(self, path: str) -> bool:
        real = os.path.realpath(os.path.expanduser(path))  # noqa: PTH111
        return any(real == folder or real.startswith(f"{folder}/") for folder in self.directories)


def _edited(command: str) -> str | None:
    """The first path that a command would write, None for a command that is not known to write one."""
    redirected = _REDIRECTED.search(_QUIET.sub("", f" {command}"))
    for part in _PARTS.split(command):
        words = part.split()
        paths = [word for word in words[1:] if not word.startswith("-")]
        if words and words[0] in _EDITORS and paths:
            return os.path.realpath(paths[0])
    return os.path.realpath(redirected[1]) if redirected else None


def _covers(rule: str, name: str, arguments: Line) -> bool:
    tool, _, pattern = rule.partition("(")
    if tool != name and not (tool.startswith("mcp__") and name.startswith(f"{tool}__")):
        return False
    if not pattern:
        return True
    wanted = pattern.removesuffix(")")
    if name in FILE_TOOLS:
        folder = wanted.removesuffix("/**").replace("//", "/", 1)
        return os.path.realpath(str(arguments.get("file_path", ""))).startswith(folder)
    prefix = wanted.removesuffix("*").removesuffix(":").rstrip()
    return str(arguments.get("command", "")).startswith(prefix)
