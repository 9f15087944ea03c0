"""The installed extensions: listed, loaded on trial, and named when they are broken or import what is not public."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import invalidate_caches
from pathlib import Path

import pytest

from engine.base.plugins import foreign_owners, installed, private_imports
from tests.support.examples import EXAMPLES

GOOD = "class Good:\n    considers = 2\n    def choose(self, candidates, key): return candidates[0].session\n"
MOODY = "class Moody:\n    def __init__(self, mood): self.mood = mood\n"
PRIVATE = f"from engine.pool.pool import Pool\n{GOOD}"


@pytest.fixture(name="site")
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    invalidate_caches()


def install(site: Path, name: str, group: str, value: str, modules: dict[str, str]) -> None:
    """A distribution with one entry point, as pip leaves it."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {value}\n")
    (info / "top_level.txt").write_text("\n".join(modules))
    for module, text in modules.items():
        (site / f"{module}.py").write_text(text)
    invalidate_caches()


@pytest.mark.parametrize(
    ("name", "value", "text", "problem"),
    [
        ("plug_good", "plug_good:Good", GOOD, ""),
        ("plug_absent", "plug_absent:Nobody", GOOD, "cannot be loaded: AttributeError"),
        ("plug_raises", "plug_raises:Good", "raise RuntimeError('no licence')\n", "RuntimeError: no licence"),
        ("plug_value", "plug_value:LIMIT", "LIMIT = 3\n", "is not a class"),
        ("plug_lacks", "plug_lacks:Idle", "class Idle:\n    considers = 2\n", "it has no choose"),
        ("plug_wants", "plug_wants:Moody", MOODY, "it cannot be made: TypeError"),
        ("plug_private", "plug_private:Good", PRIVATE, "imports engine.pool.pool, which may change"),
    ],
)
def test_each_extension_is_loaded_on_trial(site: Path, name: str, value: str, text: str, problem: str) -> None:
    install(site, name, "quarterdeck.balancers", value, {name: text})
    (found,) = [each for each in installed() if each.name == name]
    assert (found.kind, found.package, found.value) == ("balancer", name, value)
    assert problem in found.problem
    assert bool(problem) is bool(found.problem)


def test_another_distribution_that_claims_a_package_of_ours_is_named(site: Path) -> None:
    assert foreign_owners() == {}
    install(site, "gamekit", "quarterdeck.none", "engine:x", {"engine": ""})
    assert foreign_owners() == {"engine": "gamekit"}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.py")), ids=lambda path: path.name)
def test_the_examples_import_only_what_is_public(path: Path) -> None:
    assert private_imports(path.read_text()) == []
