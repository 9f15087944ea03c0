"""What an installation takes from others: bounded, pinned with hashes, above known holes, licences included."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_PIN = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)
LOCK = (ROOT / "requirements.lock").read_text()
PINS = {canonicalize_name(name): version for name, version in _PIN.findall(LOCK)}
TESTED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}
INSTALLED = [
    *PROJECT["dependencies"],
    *PROJECT["optional-dependencies"]["claude"],
    *PROJECT["optional-dependencies"]["web"],
]
HOLES = [("starlette", "1.0.0"), ("h11", "0.14"), ("idna", "3.6"), ("Jinja2", "3.1.5"), ("aiohttp", "3.12.13")]
"""The last versions with a hole that is known and harms a server."""
BY_DATE = {"certifi"}


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / "supply" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_requirement_has_a_ceiling() -> None:
    every = [*INSTALLED, *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    open_above = [one for one in map(Requirement, every) if not any(each.operator == "<" for each in one.specifier)]
    assert {one.name for one in open_above} <= BY_DATE


@pytest.mark.parametrize(("name", "version"), HOLES)
def test_no_version_with_a_known_hole_is_taken(name: str, version: str) -> None:
    (found,) = [one for one in map(Requirement, INSTALLED) if one.name == name]
    assert version not in found.specifier


def test_the_lock_holds_what_was_tested_with_a_hash_for_each() -> None:
    assert {name: version for name, version in PINS.items() if TESTED.get(name, version) != version} == {}
    blocks = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert [block.split("==")[0] for block in blocks if "--hash=sha256:" not in block] == []
    for one in map(Requirement, INSTALLED):
        assert Version(PINS[canonicalize_name(one.name)]) in one.specifier


def test_a_known_hole_and_an_unwelcome_licence_are_found(audit: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    hole = {"id": "CVE-1", "fix_versions": ["1.1"]}
    report = [
        {"name": "good", "version": "1", "vulns": []},
        {"name": "bad", "version": "1.0", "vulns": [hole]},
        {"name": "unknown", "skip_reason": "not found"},
    ]
    assert [*audit.holes(report)] == ["bad 1.0: CVE-1, closed in 1.1"]
    assert capsys.readouterr().err == "Not looked up: unknown.\n"
    stated = {"GPL-3.0-only": True, "AGPL-3.0": True, "GNU General Public License v3 (GPLv3)": True, "LGPL-2.1": False}
    stated |= {"MIT": False, "Apache-2.0": False, "GNU Lesser General Public License v3 (LGPLv3)": False}
    assert {text: bool(audit._UNWELCOME.search(text)) for text in stated} == stated


def test_that_nothing_could_be_looked_up_is_told_in_one_sentence(
    audit: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent, skipping = tmp_path / "silent", tmp_path / "skipping"
    silent.write_text("#!/bin/sh\nexit 1\n")
    rows = json.dumps({"dependencies": [{"name": "click", "skip_reason": "not found"}]})
    skipping.write_text(f"#!{sys.executable}\nimport sys\nopen(sys.argv[-1], 'w').write('''{rows}''')\n")
    lock = tmp_path / "lock"
    lock.write_text("click==8.1.0 \\\n    --hash=sha256:00\n")
    for program in (silent, skipping):
        program.chmod(0o755)
        assert audit.main(str(program), str(lock)) == 0
        out, err = capsys.readouterr()
        assert (out, err) == ("1 packages: nothing found.\n", f"{audit.UNREACHABLE}\n")
