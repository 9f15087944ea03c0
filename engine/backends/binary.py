"""Where the Claude Code CLI is on this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

_BUNDLED = Path("_bundled") / "claude"


def find_claude(configured: str | None = None) -> Path | None:
    """The CLI's program: the configured one alone if one is named, else PATH's, else the bundled one; None without."""
    if configured:
        found = shutil.which(os.path.expanduser(configured))  # noqa: PTH111 - pathlib raises without a home
        return Path(found).absolute() if found else None
    on_path = shutil.which("claude")
    return Path(on_path).absolute() if on_path else _bundled()


def _bundled() -> Path | None:
    """The one inside the package claude-agent-sdk, found without the half second that importing it takes."""
    package = importlib.util.find_spec("claude_agent_sdk")
    for folder in (package.submodule_search_locations or ()) if package else ():
        program = Path(folder) / _BUNDLED
        if os.access(program, os.X_OK):
            return program
    return None
