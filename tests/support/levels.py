"""The level of each test: unit, integration or e2e, by the one table in `tests/levels.toml`.

A test that runs the real CLI is e2e wherever it stands; every other test has the level of its module.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]
UNIT, INTEGRATION, E2E = "unit", "integration", "e2e"
REAL_CLI = "real_cli"
STARTS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"})
"""Audit events of a process that starts."""
_armed: list[str] = []


@cache
def table() -> Mapping[str, Sequence[str]]:
    """The patterns of each level, relative to `tests`."""
    return tomllib.loads((TESTS / "levels.toml").read_text())


def levels_of(module: Path) -> list[str]:
    """The levels whose patterns name this module; a table in order has exactly one."""
    name = module.relative_to(TESTS)
    return [level for level, patterns in table().items() if any(name.match(pattern) for pattern in patterns)]


def modules() -> list[Path]:
    """Every test module."""
    return sorted(TESTS.rglob("test_*.py"))


def mark(items: Sequence[pytest.Item]) -> None:
    """Give each test the marker of its level."""
    for item in items:
        if item.path.is_relative_to(TESTS):
            found = [E2E] if item.get_closest_marker(REAL_CLI) else levels_of(item.path)
            for level in found:
                item.add_marker(level)


def has_none_of(module: Path, wanted: str) -> bool:
    """Whether no test of this module can have the level that `-m` names, so that it need not be imported."""
    if wanted not in table() or not module.match("test_*.py"):
        return False
    levels = levels_of(module)
    return wanted not in levels and (wanted != E2E or levels == [UNIT])


@contextmanager
def nothing_starts(item: pytest.Item) -> Iterator[None]:
    """While a unit test runs, a process or an engine that starts is an error that names the test."""
    if item.get_closest_marker(UNIT) is None:
        yield
        return
    _armed.append(item.nodeid)
    try:
        with pytest.MonkeyPatch.context() as patch:
            if (module := sys.modules.get("engine.engine")) is not None:
                patch.setattr(module.Engine, "start", _refuse)
            yield
    finally:
        _armed.pop()


def _refuse(*_: Any, **__: Any) -> None:
    raise AssertionError(f"{_armed[-1]} is a unit test and starts an engine; see tests/levels.toml.")


def _audit(event: str, _: tuple[object, ...]) -> None:
    if _armed and event in STARTS:
        raise AssertionError(f"{_armed[-1]} is a unit test and starts a process; see tests/levels.toml.")


sys.addaudithook(_audit)
