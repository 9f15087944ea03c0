"""Every test module has exactly one level, and a unit test that starts something is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.engine import Engine
from tests.support import levels


@pytest.mark.parametrize("module", levels.modules(), ids=lambda module: str(module.relative_to(levels.TESTS)))
def test_every_module_has_exactly_one_level(module: Path) -> None:
    assert len(levels.levels_of(module)) == 1


def test_every_pattern_names_a_module() -> None:
    names = [module.relative_to(levels.TESTS) for module in levels.modules()]
    unused = [
        pattern
        for patterns in levels.table().values()
        for pattern in patterns
        if not any(name.match(pattern) for name in names)
    ]
    assert unused == []


def test_a_unit_test_starts_no_process(request: pytest.FixtureRequest) -> None:
    assert levels.UNIT in {marker.name for marker in request.node.iter_markers()}
    with pytest.raises(AssertionError, match="is a unit test and starts a process"):
        subprocess.run([sys.executable, "-V"], check=False)


async def test_a_unit_test_starts_no_engine() -> None:
    with pytest.raises(AssertionError, match="is a unit test and starts an engine"):
        await Engine.start(object.__new__(Engine))


def test_modules_without_tests_of_the_level_are_not_imported() -> None:
    unit, whole = levels.TESTS / "architecture/test_levels.py", levels.TESTS / "offline/test_real_cli.py"
    assert [levels.has_none_of(unit, level) for level in ("unit", "integration", "e2e", "")] == [
        False,
        True,
        True,
        False,
    ]
    assert [levels.has_none_of(whole, level) for level in ("unit", "integration", "e2e")] == [True, True, False]
