"""`quarterdeck doctor`: what this machine lacks, with the cure."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from engine.base.read_only import check_writable
from tui.cli.options import Common, common_options
from tui.cli.output import echo, echo_marked, print_json

_MARKS = {"ok": ("✔", "green"), "warning": ("▲", "yellow"), "missing": ("✖", "red")}


@click.command("doctor", epilog="Example: quarterdeck doctor --json")
@click.option("--reap", is_flag=True, help="First end what an engine that was killed left running.")
@common_options
def command(common: Common, reap: bool) -> None:
    """Say what this machine lacks, and how to cure it. Exits 1 when sessions cannot run."""
    from engine.doctor import examine
    from tui.cli.settings_source import load

    loaded = load(common)
    if reap:
        check_writable(read_only=loaded.settings.engine.read_only)
        _reap(loaded.settings.engine.state_dir / "engines")
    findings = examine(loaded.settings, os.environ, loaded.origins)
    if common.json:
        print_json(findings)
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.level]
            echo_marked(mark, colour, f"{finding.name.ljust(20)} {finding.found}")
            if finding.remedy:
                echo(f"  {' ' * 20} → {finding.remedy}")
    sys.exit(1 if any(finding.level == "missing" for finding in findings) else 0)


def _reap(engines: Path) -> None:
    """End the left-over processes and state which; the findings name those that would not end."""
    from engine.launchers import left_overs
    from engine.launchers.engine_registry import EngineRegistry

    left = left_overs.of_dead_engines(EngineRegistry(engines))
    alive = left_overs.end(left)
    for each in left:
        outcome = "would not end" if each in alive else "ended"
        echo(f"quarterdeck: {outcome}: {each}", err=True)
