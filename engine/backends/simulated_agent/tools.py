"""Tools that are really used: commands in a session and process group of their own, as the CLI starts them, and files.

The permission rules are the CLI's own in outline: read-only commands are never asked about, `acceptEdits` lets files be
written, anything else is asked for.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time

from engine.backends.simulated_agent.lines import TOOLS

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    import subprocess

MOST_OUTPUT = 30_000
DEFAULT_TIMEOUT_S = 120.0

_READ_ONLY = frozenset({"echo", "ls", "cat", "pwd", "head", "tail", "wc", "true", "false", "date", "whoami", "uname"})
_CHANGES = re.compile(r"[<>;&|`$\n]")
_FILE_TOOLS = frozenset({"Read", "Write", "Edit"})

Input = dict[str, object]


class Verdict:
    """What the rules say before anybody is asked."""

    ALLOW, ASK, DENY = "allow", "ask", "deny"


def verdict(name: str, arguments: Input, mode: str, allowed: list[str], disallowed: list[str]) -> str:
    """One of `Verdict`."""
    if any(_covers(rule, name, arguments) for rule in disallowed):
        return Verdict.DENY
    # A tool that there is not is never asked about: its use fails.
    if name not in TOOLS or mode == "bypassPermissions" or name == "Read" or _is_read_only(name, arguments):
        return Verdict.ALLOW
    if any(_covers(rule, name, arguments) for rule in allowed):
        return Verdict.ALLOW
    if mode == "acceptEdits" and name in _FILE_TOOLS:
        return Verdict.ALLOW
    return Verdict.DENY if mode == "dontAsk" else Verdict.ASK


def _covers(rule: str, name: str, arguments: Input) -> bool:
    tool, _, pattern = rule.partition("(")
    if tool != name:
        return False
    if not pattern:
        return True
    prefix = pattern.removesuffix(")").removesuffix("*").removesuffix(":").rstrip()
    return str(arguments.get("command", "")).startswith(prefix)


def _is_read_only(name: str, arguments: Input) -> bool:
    command = str(arguments.get("command", ""))
    words = command.split()
    return name == "Bash" and bool(words) and words[0] in _READ_ONLY and not _CHANGES.search(command)


def use_file_tool(name: str, arguments: Input) -> tuple[str, bool]:
    """What a tool other than Bash says, and whether that is an error."""
    path = str(arguments.get("file_path", ""))
    try:
        if name == "Read":
            with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib costs start time
                return file.read(MOST_OUTPUT), False
        if name == "Write":
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(str(arguments.get("content", "")))
            return f"File created successfully at: {path}", False
        if name == "Edit":
            return _edit(path, str(arguments.get("old_string", "")), str(arguments.get("new_string", "")))
    except OSError as error:
        return f"<tool_use_error>{error.strerror}: {path}</tool_use_error>", True
    return f"<tool_use_error>Error: No such tool available: {name}</tool_use_error>", True


def _edit(path: str, old: str, new: str) -> tuple[str, bool]:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        text = file.read()
    if not old or text.count(old) != 1:
        return "<tool_use_error>String to replace not found in file.</tool_use_error>", True
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text.replace(old, new))
    return f"The file {path} has been updated successfully.", False


class Command:
    """A running shell command; its owner waits for SIGCHLD or output, and kills the tree when the turn ends early."""

    def __init__(self, arguments: Input) -> None:
        import subprocess

        command = str(arguments.get("command", ""))
        given = arguments.get("timeout")
        timeout = given / 1000 if isinstance(given, (int, float)) and given > 0 else DEFAULT_TIMEOUT_S
        self.deadline = time.monotonic() + timeout
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._said = bytearray()
        self._timeout = timeout
        self.exhausted = False
        self.output = self._process.stdout.fileno() if self._process.stdout else -1
        os.set_blocking(self.output, False)

    def ended(self) -> bool:
        """Whether the command is over; takes in what it wrote so far, up to the bound.

        `exhausted` turns true when its output is closed, which may be before its end.
        """
        ended = self._process.poll() is not None
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.output, 65536):
                self._said += data[: max(0, MOST_OUTPUT - len(self._said))]
            self.exhausted = True
        return ended

    def said(self) -> tuple[str, bool]:
        """What the command wrote, and whether it failed; one that still runs has had its time and is ended."""
        if self._process.poll() is None:
            self.kill()
            return f"Command timed out after {self._timeout:g}s", True
        text = self._said.decode("utf-8", "replace").rstrip("\n")
        code = self._process.returncode
        self._close()
        if code:
            return f"Exit code {code}\n{text}".rstrip("\n"), True
        return text or "(Bash completed with no output)", False

    def kill(self) -> None:
        """End the whole process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
