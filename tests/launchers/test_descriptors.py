"""The engine may open as many files as it needs; what it starts has the operator's own limit."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from engine.launchers import kernel

RAISED = """
import resource, subprocess, sys
from engine.launchers.kernel import descriptor_limit, raise_descriptor_limit
from engine.launchers.kernel import with_parent_death_signal
raise_descriptor_limit()
child = [sys.executable, "-c", "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"]
print(descriptor_limit(), subprocess.run(with_parent_death_signal(tuple(child)), capture_output=True, text=True).stdout)
"""


def test_children_have_the_limit_that_the_engine_was_started_with() -> None:
    run = ["prlimit", "--nofile=300:700", "--", sys.executable, "-c", RAISED]
    done = subprocess.run(run, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert done.stdout.split() == ["700", "300", "700"], done.stderr


def test_without_the_tools_an_interpreter_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(kernel, "_before", [(200, 400)])
    code = "import resource; print(*resource.getrlimit(resource.RLIMIT_NOFILE))"
    argv = kernel.with_parent_death_signal((sys.executable, "-c", code))
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.stdout.split() == ["200", "400"], done.stderr
