"""An older Claude Code CLI, from the npm registry, kept beside the virtual environment that the tests run in."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OLDER = "2.1.197"
"""The last release known that marks no result and reports no life of a prompt."""
_INSTALL_S = 300.0


def older_cli() -> Path:
    """Its program; the test is skipped on a machine that has no npm to fetch it with."""
    folder = Path(sys.prefix) / f"claude-code-{OLDER}"
    if (found := _program(folder)) is not None:
        return found
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"no npm on this machine to fetch Claude Code {OLDER} with")
    package = f"@anthropic-ai/claude-code@{OLDER}"
    flags = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-save")
    subprocess.run(
        [npm, "install", "--prefix", str(folder), *flags, package], check=True, timeout=_INSTALL_S, capture_output=True
    )
    program = _program(folder)
    assert program is not None, f"{package} brought no program for this machine"
    return program


def _program(folder: Path) -> Path | None:
    """The native program of the platform's own package."""
    return next(iter(sorted(folder.glob("node_modules/@anthropic-ai/claude-code-*/claude"))), None)
