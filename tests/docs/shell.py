"""Commands of the documentation, run as a reader would type them, in a home of their own.

`make TARGET` runs as a dry run. A command that stays open (the console, an engine, a server) runs at a terminal until
it shows that it is up, and must then end by itself at SIGTERM.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.api.serving import free_port
from tests.docs.blocks import ROOT
from tests.support.headless import START_S, Headless, environment_of

FOOTER = rb"\bkeys\b"
"""The last line of a console whose first frame is there."""
OPEN = {
    "": FOOTER,
    "attach": FOOTER,
    "web": rb"https?://",
    "offline-model": rb"https?://",
    "--engine-only": rb"serving",
}
"""What a command that stays open writes once it is up, by its first word; the empty word is the console."""
ALONE = {"", "--engine-only"}
"""Those that are an engine themselves, so they get a home in which none runs."""
_PORT = re.compile(r"(?<=--port )\d+")


@dataclass
class World:
    """A reader's machine: a home, a folder to work in, and an engine that runs. Owner of the folder `files`."""

    home: Path
    engine: Headless
    files: Path
    values: dict[str, str] = field(default_factory=dict)

    def environment(self, home: Path | None = None) -> dict[str, str]:
        """The environment of a command: `quarterdeck` and `python` are on its PATH."""
        path = f"{self.home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**environment_of(home or self.home), "PATH": path, "TERM": "xterm-256color"}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """One command line, in bash, to its end."""
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.filled(command)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=START_S,
            check=False,
            cwd=self.files,
            env=self.environment(),
        )

    def filled(self, command: str) -> str:
        """The command with what this world has in place of the examples' ids and ports."""
        for example, real in self.values.items():
            command = command.replace(example, real)
        if command.startswith("make "):
            command = command.replace("make ", f"make --dry-run -C {shlex.quote(str(ROOT))} ", 1)
        return _PORT.sub(lambda _: str(free_port()), command)


def commands(text: str) -> Iterator[str]:
    """The command lines of a shell block: comments dropped, continued lines joined."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            yield line.strip()


def stays_open(command: str) -> str | None:
    """The key in OPEN of a command that does not end by itself, None for one that does."""
    program, *words = shlex.split(command, comments=True)
    if program != "quarterdeck":
        return None
    if "--engine-only" in words:
        return "--engine-only"
    named = [word for word in words if not word.startswith("-")]
    first = named[0] if named else ""
    return first if first in OPEN and "--help" not in words else None


def opened(world: World, command: str, kind: str) -> int:
    """Run a command that stays open until it is up, end it, and return its exit code."""
    home = world.home / "alone" if kind in ALONE else world.home
    home.mkdir(exist_ok=True)
    with _at_a_terminal(world.filled(command), world.files, world.environment(home)) as (process, terminal):
        _read_until(terminal, OPEN[kind], process)
        process.send_signal(signal.SIGTERM)
        return _ended(process, terminal)


@contextlib.contextmanager
def _at_a_terminal(
    command: str, folder: Path, environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", f"exec {command}"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=environment
    )
    os.close(theirs)
    try:
        yield process, ours
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes:
    ready, _, _ = select.select([terminal], [], [], 0.1)
    try:
        return os.read(terminal, 65536) if ready else b""
    except OSError:  # the terminal's other end is gone
        return b""


def _read_until(terminal: int, sign: bytes, process: subprocess.Popen[bytes]) -> None:
    written, deadline = b"", time.monotonic() + START_S
    while not re.search(sign, written):
        assert process.poll() is None, written.decode(errors="replace")
        assert time.monotonic() < deadline, written.decode(errors="replace")
        written += _read(terminal)


def _ended(process: subprocess.Popen[bytes], terminal: int) -> int:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        _read(terminal)
    return process.wait(0)
