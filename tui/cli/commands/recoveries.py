"""`quarterdeck recoveries …`: what the running engine did about failures, and a recovery by hand."""

from __future__ import annotations

from typing import Any

import click

from tui.cli.main import FAILED
from tui.cli.options import Common, called_alone, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import call


@click.group("recoveries", invoke_without_command=True, epilog="Example: quarterdeck recoveries --json")
@common_options
def command(common: Common) -> None:
    """Show the last recoveries and what they came to, or run one by hand."""
    if called_alone():
        _list(common)


@command.command("list", epilog="Example: quarterdeck recoveries list")
@common_options
def listing(common: Common) -> None:
    """The last recoveries, newest first."""
    _list(common)


@command.command("strategies", epilog="Example: quarterdeck recoveries strategies --json")
@common_options
def strategies(common: Common) -> None:
    """Every strategy: runs, share that helped, mean and p95 duration in seconds."""
    rows = call(common, "GET", "/api/recoveries?limit=1")["strategies"]
    if common.json:
        print_json(rows)
        return
    cells = [
        (row["strategy"], row["target_kind"], row["runs"], _rate(row), f"{row['mean']:.2f}", f"{row['p95']:.2f}")
        for row in rows
    ]
    print_table(cells, ("strategy", "works on", "runs", "helped", "mean s", "p95 s"))


@command.command("run", epilog="Example: quarterdeck recoveries run clean_resources engine")
@click.argument("strategy")
@click.argument("target")
@common_options
def run(common: Common, strategy: str, target: str) -> int:
    """Run STRATEGY at TARGET now.

    TARGET is session:ID, conversation:ID, profile:NAME, credential:NAME or engine.
    """
    ended = call(common, "POST", "/api/recoveries", {"strategy": strategy, "target": target})["recovery"]
    if common.json:
        print_json(ended)
    else:
        echo(f"{strategy} at {ended['target']}: {ended['reason']}")
    return 0 if ended["ok"] else FAILED


def _list(common: Common) -> None:
    rows = call(common, "GET", "/api/recoveries?limit=1000")["recoveries"]
    if common.json:
        print_json(rows)
        return
    cells = [
        (row["id"], row["strategy"], row["target"], _state(row), f"{row['took']:.2f}", row["outcome"] or row["reason"])
        for row in rows
    ]
    print_table(cells, ("id", "strategy", "target", "result", "s", "because"))


def _state(row: dict[str, Any]) -> str:
    if row["observed"]:
        return "observed"
    if row["running"]:
        return "running"
    return "helped" if row["ok"] else "gave up" if row["gave_up"] else "failed"


def _rate(row: dict[str, Any]) -> str:
    return f"{row['success_rate']:.0%}" if row["runs"] else "-"
