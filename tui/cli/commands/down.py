"""`quarterdeck down`: end the engine that stays."""

from __future__ import annotations

import signal
import time

import click

from engine.base.errors import BadInput, DeadlinePassed, NoEngine
from engine.base.read_only import check_writable
from tui.cli.commands.up import facts, until
from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json

_SPARE_S = 30.0
"""Seconds beyond `engine.grace` in which an engine must have ended."""


@click.command("down", epilog="Example: quarterdeck down --now")
@click.option("--now", is_flag=True, help="Stop running turns at once instead of letting them finish.")
@common_options
def command(common: Common, now: bool) -> None:
    """End the engine on this machine: it takes no new work, lets turns finish within `engine.grace`, then stops."""
    from engine.base.processes import alive, send_signal
    from engine.launchers.engine_registry import EngineRegistry
    from tui.cli.settings_source import load

    settings = load(common).settings
    check_writable(read_only=settings.engine.read_only)
    found = facts(settings)
    if found is None:
        raise NoEngine(f"No engine answers at {settings.api.socket}.", remedy="There is nothing to end.")
    if not found["headless"]:
        sentence = f"The engine (process {found['pid']}) belongs to a console or a browser and ends with it."
        raise BadInput(sentence, remedy="Leave that console with `q`.")
    process = EngineRegistry(settings.engine.state_dir / "engines").process_of(found["engine"])
    if process is None or process.pid != found["pid"]:
        sentence = f"Engine {found['engine']} keeps its state in another folder."
        raise BadInput(sentence, remedy="Give the same options as to `quarterdeck up`.")
    began = time.monotonic()
    if not common.json:
        echo("Draining: no new work is taken." if not now else "Stopping at once.", err=True)
    for _ in range(2 if now else 1):
        send_signal(process, signal.SIGTERM)
    if not until(lambda: not alive(process), settings.engine.grace + _SPARE_S):
        sentence = f"The engine (process {process.pid}) has not ended after {time.monotonic() - began:.0f} s."
        raise DeadlinePassed(sentence, remedy="`quarterdeck down --now` stops its turns at once.")
    if common.json:
        print_json({"engine": found["engine"], "ended": True, "seconds": round(time.monotonic() - began, 1)})
    else:
        echo("The engine has ended.")
