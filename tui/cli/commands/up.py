"""`quarterdeck up` and what `down` shares with it: an engine that stays when the terminal goes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.base.errors import StartFailed
from engine.base.process import python_module
from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json

if TYPE_CHECKING:
    from engine.settings.schema import Settings

LOG = "up.log"
"""The file in the state folder that a detached engine writes its log to."""
_START_S = 60.0
_POLL_S = 0.1
_LAST_LINES = 8


@click.command("up", epilog="Example: quarterdeck up   then   quarterdeck   and later   quarterdeck down")
@common_options
def command(common: Common) -> None:
    """Start an engine that stays when this terminal is closed; `quarterdeck` then opens the console on it."""
    from tui.cli.settings_source import load

    settings = load(common).settings
    mine = 0 if facts(settings) is not None else _start(common, settings)
    running = facts(settings)
    if running is None:
        raise StartFailed("The engine answered and then went.", remedy=f"Read {log_of(settings)}.")
    _report(common, {**running, "started": running["pid"] == mine, "log": str(log_of(settings))})


def facts(settings: Settings) -> dict[str, Any] | None:
    """What the engine on the local socket states of itself; None where none answers."""
    from tui.feeds.client import EngineClient, address_of

    socket = settings.api.socket
    if not socket.exists():
        return None
    with EngineClient(address_of(None, socket)) as client:
        found = client.health()
    return {**found, "socket": str(socket)} if found is not None else None


def log_of(settings: Settings) -> Path:
    """The log of a detached engine."""
    return settings.engine.state_dir / LOG


def until(done: Callable[[], bool], seconds: float) -> bool:
    """Wait for something on this machine; False when it took longer."""
    deadline = time.monotonic() + seconds
    while not (found := done()) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found


def _start(common: Common, settings: Settings) -> int:
    """The process of a new engine, where another one may have come first. Raises StartFailed with what it wrote."""
    log = log_of(settings)
    before = _size(log)
    process = subprocess.Popen(  # in a session of its own: no hang-up of this terminal reaches it
        [*python_module("tui.cli"), "--engine-only", "--log-file", str(log), *_options(common)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    answers = until(lambda: process.poll() is not None or facts(settings) is not None, _START_S)
    if process.poll() is not None and facts(settings) is None:
        output = process.communicate()[1].decode("utf-8", "replace").strip() or _last_lines(log, before)
        raise StartFailed(f"The engine ended at its start: {output}", remedy=f"Its log is {log}.")
    if not answers:
        sentence = f"The engine (process {process.pid}) does not answer after {_START_S:g} s."
        raise StartFailed(sentence, remedy=f"Read {log}; `kill {process.pid}` ends it.")
    return process.pid


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0


def _last_lines(log: Path, before: int) -> str:
    """What was written for people since the file had `before` bytes; events only where there is nothing else."""
    try:
        written = log.read_bytes()
    except OSError:
        return "it wrote nothing"
    lines = written[before if len(written) > before else 0 :].decode("utf-8", "replace").splitlines()
    sentences = [line.removeprefix("quarterdeck: ") for line in lines if not line.startswith("{")]
    return "\n".join((sentences or lines)[-_LAST_LINES:]) or "it wrote nothing"


def _options(common: Common) -> list[str]:
    words = ["--config", str(common.config.absolute())] if common.config is not None else []
    words += ["--env-file", str(common.env_file.absolute())] if common.env_file is not None else []
    return [*words, *(word for each in common.settings_overrides for word in ("--set", each))]


def _report(common: Common, found: dict[str, Any]) -> None:
    if common.json:
        print_json(found)
        return
    began = "runs" if found["started"] else "runs already"
    echo(f"The engine {began} (process {found['pid']}) on {found['socket']}.")
    if found["started"]:
        echo("It stays when you log out. `quarterdeck` opens the console, `quarterdeck down` ends the engine.")
        echo(f"Log: {found['log']}")
    elif not found["headless"]:
        echo("It belongs to a console and ends with it: leave that one first to have an engine that stays.")
    if os.environ.get("XDG_SESSION_ID") and found["started"]:
        echo("Where the system ends all processes of a user at logout: `loginctl enable-linger` lets them live.")
