"""One reader's machine for all pages: one engine serves every command and every HTTP example."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.shell import World
from tests.support.headless import headless


@pytest.fixture(scope="package")
def world() -> Iterator[World]:
    """A home with an engine on the simulator, where tools need a permission."""
    home = Path(tempfile.mkdtemp(prefix="qd-"))
    try:
        (home / "bin").mkdir()
        program = home / "bin" / "quarterdeck"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tui.cli "$@"\n')
        program.chmod(0o755)
        (home / "files").mkdir()
        with headless(home, settings=["claude.extra_args=[]"]) as engine:
            yield World(home, engine, home / "files")
    finally:
        shutil.rmtree(home, ignore_errors=True)
