"""The command channel with real programs: what they are given, and what becomes of those that do not end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.alerts.channels.base import NotificationFailed
from engine.alerts.channels.command import CommandChannel
from engine.base.errors import BadInput, QuarterdeckError
from engine.launchers.containment import Containment
from engine.launchers.local import LocalLauncher
from engine.settings.schema import AlertCommand
from tests.alerts.test_webhook import TELLING
from tests.support.processes import runs, survivors, until

ENGINE = "alerts-test"


def channel(folder: Path, code: str, environ: dict[str, str] | None = None, **given: Any) -> CommandChannel:
    """A channel to a Python program."""
    settings = AlertCommand.model_validate({"argv": [sys.executable, "-c", code], **given} if code else given)
    launcher = LocalLauncher(Containment(ENGINE))
    return CommandChannel(lambda: settings, launcher, environ or {}, folder)


async def test_a_program_gets_the_telling_on_its_input_and_only_the_variables_that_are_named(home: Path) -> None:
    code = "import os,sys; open('out','w').write(sys.stdin.read() + '\\n'.join(sorted(os.environ)))"
    environ = {"PATH": "/usr/bin:/bin", "ANTHROPIC_API_KEY": "secret", "TEAM": "blue"}
    await channel(home, code, environ, environment=["PATH", "TEAM", "MISSING"]).send(TELLING, 3)
    first, *names = (home / "out").read_text().splitlines()
    assert json.loads(first)["alert"] == "errors-many"
    ours = {name for name in names if not name.startswith(("QUARTERDECK_", "LC_"))}
    assert ours == {"PATH", "TEAM"}
    assert survivors(ENGINE) == []


async def test_a_program_that_fails_is_told_with_its_last_words(home: Path) -> None:
    code = "import sys; sys.exit('no such pager')"
    with pytest.raises(NotificationFailed, match=r"ended with 1: no such pager\."):
        await channel(home, code).send(TELLING, 3)


async def test_a_program_that_hangs_is_killed_with_its_child(home: Path) -> None:
    code = (
        "import os,subprocess,sys,time,pathlib\n"
        "child = subprocess.Popen([sys.executable,'-c','import time; time.sleep(600)'], start_new_session=True)\n"
        "pathlib.Path('new').write_text(f'{os.getpid()} {child.pid}'); os.rename('new','pids')\n"
        "time.sleep(600)"
    )
    with pytest.raises(NotificationFailed, match=r"killed after 3 s"):
        await channel(home, code, timeout="3s").send(TELLING, 1)
    pids = [int(pid) for pid in (home / "pids").read_text().split()]
    await until(lambda: not any(runs(pid) for pid in pids))
    assert survivors(ENGINE) == []


async def test_what_a_program_leaves_behind_is_ended(home: Path) -> None:
    code = "import subprocess,sys; subprocess.Popen([sys.executable,'-c','import time; time.sleep(600)'])"
    await channel(home, code).send(TELLING, 1)
    assert survivors(ENGINE) == []


async def test_a_program_that_is_not_there_or_not_set_is_told(home: Path) -> None:
    with pytest.raises(QuarterdeckError):
        await channel(home, "", argv=["/no/such/program"]).send(TELLING, 1)
    with pytest.raises(BadInput, match="no command to run"):
        await channel(home, "").send(TELLING, 1)
