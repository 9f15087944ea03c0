"""Who imports whom: the engine never the console, and the front door nothing before it is needed."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import engine
from tui.cli.main import COMMANDS, MADE

ROOT = Path(__file__).parents[2]
HEAVY = {"httpx", "prometheus_client", "psutil", "pydantic", "starlette", "structlog", "uvicorn", "websockets", "yaml"}


def imported_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has after the code, and the packages that they belong to."""
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    modules = json.loads(done.stdout.splitlines()[-1])
    return {*modules, *(module.partition(".")[0] for module in modules)}


def test_the_contracts_in_pyproject_are_kept() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_no_text_of_the_engine_imports_the_console() -> None:
    """Not even in a string that another interpreter runs."""
    pattern = re.compile(r"(?:from|import)\s+(?:tui|textual|rich)\b")
    assert not [path for path in (ROOT / "engine").rglob("*.py") if pattern.search(path.read_text())]


def test_the_whole_engine_runs_without_the_console() -> None:
    found = pkgutil.walk_packages(engine.__path__, "engine.")
    names = [module.name for module in found if not module.name.endswith("__main__")]
    assert len(names) > 80
    assert not imported_by(f"import {', '.join(names)}") & {"tui", "textual"}


def test_headless_starts_without_the_console() -> None:
    modules = ("tui.cli.commands.engine_only", "engine.api.server", "engine.log.event_log", "tui.cli.settings_source")
    code = f"import engine.thread, {', '.join(modules)}"
    assert "textual" not in imported_by(code)


def test_the_front_door_loads_nothing_that_it_does_not_need_yet() -> None:
    loaded = imported_by("import tui.cli.main")
    assert not loaded & (HEAVY | {"textual", "rich", "asyncio", "msgspec", "engine.engine"})
    assert not [module for module in loaded if module.startswith("tui.cli.commands.")]


def test_help_loads_no_command() -> None:
    code = "import tui.cli.main\ntry: tui.cli.main.main(['--help'])\nexcept SystemExit: pass"
    assert not imported_by(code) & (HEAVY | {"textual", "rich", *(f"tui.cli.commands.{name}" for name in COMMANDS)})


def test_the_console_paints_before_it_loads_the_engine() -> None:
    assert not imported_by("import tui.console.app, tui.cli.commands.console") & (
        HEAVY | {"engine.engine", "engine.settings.schema"}
    )


def test_the_first_frame_loads_no_screen_but_its_own() -> None:
    screens = {f"tui.screens.{name}" for name in ("errors", "inbox", "queue", "recovery", "sessions", "tuning")}
    theirs = {
        "tui.screens.palette",
        "tui.actions.clipboard",
        "tui.actions.exports",
        "tui.model.filter",
        "tui.widgets.grid",
    }
    loaded = imported_by("import tui.console.app, tui.cli.commands.console")
    assert "tui.screens.overview" in loaded
    assert not loaded & (screens | theirs)


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - MADE))
def test_a_command_is_loaded_without_the_console(name: str) -> None:
    assert "textual" not in imported_by(f"import tui.cli.commands.{name.replace('-', '_')}")


def test_completing_the_name_of_a_command_loads_none() -> None:
    code = "import click; from tui.cli.main import quarterdeck as q; assert q.shell_complete(click.Context(q), 'ru')"
    assert not [name for name in imported_by(code) if name.startswith("tui.cli.commands")]


def test_the_simulated_agent_runs_on_the_standard_library_alone() -> None:
    agent = ROOT / "engine/simulated_agent/__main__.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "importtime", str(agent), "--no-such-flag"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "unknown option '--no-such-flag'" in done.stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert loaded - {"imported package"} <= sys.stdlib_module_names | {"engine", "sitecustomize", "usercustomize"}
