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
    running = facts(settings)
    if running is None:
        _start(common, settings)
        running = facts(settings)
    else:
        running["started"] = False
    if running is None:
        raise StartFailed("The engine answered and then went.", remedy=f"Read {log_of(settings)}.")
    _report(common, {"started": True, **running, "log": str(log_of(settings))})


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


def _start(common: Common, settings: Settings) -> None:
    """Raises StartFailed with what the engine wrote last."""
    log = log_of(settings)
    process = subprocess.Popen(  # in a session of its own: no hang-up of this terminal reaches it
        [*python_module("tui.cli"), "--engine-only", "--log-file", str(log), *_options(common)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    answers = until(lambda: process.poll() is not None or facts(settings) is not None, _START_S)
    if (code := process.poll()) is not None:
        output = process.communicate()[1].decode("utf-8", "replace").strip() or _last_lines(log)
        raise StartFailed(f"The engine ended at its start (exit {code}): {output}", remedy=f"Read {log}.")
    if not answers:
        sentence = f"The engine (process {process.pid}) does not answer after {_START_S:g} s."
        raise StartFailed(sentence, remedy=f"Read {log}; `kill {process.pid}` ends it.")


def _last_lines(log: Path) -> str:
    try:
        return "\n".join(log.read_text("utf-8", "replace").splitlines()[-_LAST_LINES:])
    except OSError:
        return "it wrote nothing"


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
