"""The wheel, installed outside the checkout, has all that it needs and answers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.support.headless import ROOT, quarterdeck

PACKAGES = ("engine", "tui", "themes")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the sources without the network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    build = f"from setuptools.build_meta import build_wheel; print(build_wheel({str(out)!r}))"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (built,) = out.glob("quarterdeck-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; what it depends on is borrowed from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    python = folder / "bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    files = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    expected = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {path.rpartition(".")[2] for path in expected} >= {"py", "toml", "tcss", "typed"}
    assert expected - names == set()
    assert {name.partition("/")[0] for name in names - expected} == {wheel.stem.rpartition("-py3")[0] + ".dist-info"}


def test_the_installed_command_answers(installed: Path, home: Path) -> None:
    program = [str(installed / "bin/quarterdeck")]
    shown = quarterdeck(home, "--help", program=program, PYTHONPATH="")
    assert (shown.returncode, shown.stdout.startswith("Usage: quarterdeck")) == (0, True)
    answered = quarterdeck(home, "run", "--backend=simulator", "hello", program=program, PYTHONPATH="")
    assert (answered.returncode, answered.stdout, answered.stderr) == (0, "Echo: hello\n", "")


def test_the_installed_packages_are_those_of_the_wheel_and_find_their_data(installed: Path, home: Path) -> None:
    code = """
import json, engine, themes, tui, tui.console.app
from importlib.resources import files
print(json.dumps([
    [module.__file__ for module in (engine, themes, tui)],
    sorted(path.name for path in files("themes").iterdir() if path.name.endswith(".toml")),
]))
"""
    python = [str(installed / "bin/python")]
    done = quarterdeck(home, "-c", code, program=python, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    places, themes = json.loads(done.stdout)
    assert all(Path(place).is_relative_to(installed) for place in places)
    assert themes == sorted(path.name for path in (ROOT / "themes").glob("*.toml"))
