"""Tools that are really used: files, and commands in a session and process group of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import time

TYPE_CHECKING = False  # `typing` alone is a quarter of the start time
if TYPE_CHECKING:
    import subprocess

MOST_OUTPUT = 30_000
DEFAULT_TIMEOUT_S = 120.0

Input = dict[str, object]

_NEEDED = {"Bash": "command", "Read": "file_path", "Write": "file_path", "Edit": "file_path"}


def missing_input(name: str, arguments: Input) -> str | None:
    """The complaint about an argument that a tool cannot do without."""
    needed = _NEEDED.get(name)
    if needed is None or isinstance(arguments.get(needed), str):
        return None
    return (
        f"<tool_use_error>InputValidationError: {name} failed due to the following issue:\n"
        f"The required parameter `{needed}` is missing</tool_use_error>"
    )


def unknown_tool(name: str) -> str:
    """The complaint about a tool that there is not."""
    return f"<tool_use_error>Error: No such tool available: {name}</tool_use_error>"


def use_file_tool(name: str, arguments: Input) -> tuple[str, bool]:
    """What a tool other than Bash says, and whether that is an error."""
    path = str(arguments.get("file_path", ""))
    try:
        if name == "Read":
            with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib costs start time
                return _numbered(file.read(MOST_OUTPUT)), False
        if name == "Write":
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write(str(arguments.get("content", "")))
            return f"File created successfully at: {path}", False
        if name == "Edit":
            return _edit(path, str(arguments.get("old_string", "")), str(arguments.get("new_string", "")))
    except OSError as error:
        return f"<tool_use_error>{error.strerror}: {path}</tool_use_error>", True
    return unknown_tool(name), True


def _numbered(text: str) -> str:
    """Lines with their numbers, as the CLI shows a file to the model."""
    return "\n".join(f"{number}\t{line}" for number, line in enumerate(text.split("\n"), start=1))


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
