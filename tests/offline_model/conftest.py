"""The real CLI for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.backends.binary import find_claude


@pytest.fixture
def claude() -> Path:
    """The CLI's program; the test is skipped on a machine without one."""
    program = find_claude()
    if program is None:
        pytest.skip("no Claude Code CLI on this machine")
    return program
