"""Whatever modules lie in the current folder, none is executed by the program or by what it starts of itself."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base.process import python_module
from engine.bench.fixtures import offline_model
from tests.support.headless import ROOT, environment_of
from tests.support.processes import wait_until
from tests.web.test_served import served

MODULES = ("click", "rich", "asyncio", "engine", "tui", "textual", "httpx", "pydantic", "json", "sitecustomize")


@pytest.fixture
def trap(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder full of modules that leave a mark when they are imported; it is the current one."""
    folder = home / "trap"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"open({str(home / 'mark')!r}, 'a').write({name!r})\nraise ImportError\n")
    monkeypatch.chdir(folder)
    return folder


def test_the_command_itself(trap: Path, home: Path) -> None:
    program = Path(sys.executable).with_name("quarterdeck")
    for argv in ([str(program)], python_module("tui.cli")):
        done = subprocess.run([*argv, "--version"], cwd=trap, env=environment_of(home), capture_output=True, check=True)
        assert b"quarterdeck, version" in done.stdout
    assert not (home / "mark").exists()


async def test_the_offline_model_of_a_measurement(trap: Path, home: Path) -> None:
    async with offline_model(1) as url:
        assert url.startswith("http://127.0.0.1:")
    assert not (home / "mark").exists()


def test_the_console_behind_a_browsers_tab(trap: Path, home: Path) -> None:
    program = (str(Path(sys.executable).with_name("quarterdeck")),)
    with served(home, program=program, cwd=trap) as web, web.page() as page:
        wait_until(lambda: page.shows("● HEALTHY"))
    assert not (home / "mark").exists()


def test_every_start_of_an_interpreter_leaves_the_current_folder_out() -> None:
    """`-P`, or `-I`, stands behind the interpreter wherever a command line of ours begins with it."""
    found = []
    for path in [*(ROOT / "engine").rglob("*.py"), *(ROOT / "tui").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple | ast.List | ast.Call):
                parts = node.args if isinstance(node, ast.Call) else node.elts
                words = [ast.unparse(part) for part in parts]
                if "sys.executable" in words and words[words.index("sys.executable") + 1] not in {"'-P'", "'-I'"}:
                    found.append(f"{path}:{node.lineno}")
    assert found == []
