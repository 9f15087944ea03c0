"""Where an engine's agents have their scratch folders: short enough for a socket below, closed to everybody else."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SOCKET = "cc-socks/4194304.sock"
"""The longest name of the socket that an agent makes in its scratch folder."""
LONGEST = 103
"""Bytes of a socket's path that the CLI uses (AF_UNIX takes 107); for a longer one it takes a folder that all share."""
_SESSION = "s000000.tmp"


def scratch_folder(agents: Path, engine: str) -> Path:
    """The folder below which each session of an engine has its scratch: the agents' own, or a short one."""
    longest = len(os.fsencode(agents / _SESSION / SOCKET))
    return agents if longest <= LONGEST else short_folder(engine)


def short_folder(engine: str) -> Path:
    """For a state directory with a long path; its name is the engine's alone."""
    return Path(tempfile.gettempdir()) / f"quarterdeck-{os.getuid()}-{engine}"
