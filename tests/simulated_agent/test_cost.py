"""The simulated agent must stay cheap: hundreds of them run on a small machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.simulated_agent.agent import PROGRAM, STREAMING

HEAVY = {"asyncio", "dataclasses", "engine.offline_model.faults", "subprocess", "typing", "uuid", "pathlib"}


def test_it_imports_the_standard_library_and_little_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-X", "importtime", str(PROGRAM), *STREAMING]
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "engine.simulated_agent.agent" in imported
    assert not imported & HEAVY
