"""`quarterdeck doctor`: what this machine lacks, with the cure."""

from __future__ import annotations

import os
import sys

import click

from tui.options import Common, common_options
from tui.output import print_json
from tui.plain_text import clean

_MARKS = {"ok": ("✔", "green"), "warning": ("▲", "yellow"), "missing": ("✖", "red")}


@click.command("doctor", epilog="Example: quarterdeck doctor --json")
@common_options
def command(common: Common) -> None:
    """Say what this machine lacks, and how to cure it. Exits 1 when sessions cannot run."""
    from engine.doctor import examine
    from tui.settings_source import load

    loaded = load(common)
    findings = examine(loaded.settings, os.environ, loaded.origins)
    if common.json:
        print_json(findings)
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.level]
            click.echo(f"{click.style(mark, fg=colour)} {clean(finding.name.ljust(20))} {clean(finding.found)}")
            if finding.remedy:
                click.echo(f"  {' ' * 20} → {clean(finding.remedy)}")
    sys.exit(1 if any(finding.level == "missing" for finding in findings) else 0)
