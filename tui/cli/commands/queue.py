"""`quarterdeck queue …`: the requests on their way, and the end of one."""

from __future__ import annotations

import time
from typing import Any

import click

from tui.cli.options import Common, called_alone, common_options
from tui.cli.output import print_json, print_table
from tui.cli.running_engine import call

_COLUMNS = ("id", "state", "age", "session", "user", "priority", "attempts", "prompt")


@click.group("queue", invoke_without_command=True, epilog="Example: quarterdeck queue --json")
@common_options
def command(common: Common) -> None:
    """Show the requests that wait and run; cancel some."""
    if called_alone():
        _list(common)


@command.command("list", epilog="Example: quarterdeck queue list")
@common_options
def list_requests(common: Common) -> None:
    """The requests on their way, the longest first."""
    _list(common)


def _list(common: Common) -> None:
    rows = call(common, "GET", "/api/prompts?limit=1000")["prompts"]
    if common.json:
        print_json(rows)
        return
    now = time.time()
    print_table([_cells(row, now) for row in rows], _COLUMNS)


def _cells(row: dict[str, Any], now: float) -> tuple[Any, ...]:
    state = "running" if row["session"] else "retrying" if row["retry_at"] > now else "waiting"
    age = f"{max(0.0, now - row['queued_at']):.0f}s"
    return (row["id"], state, age, row["session"], row["user"], row["priority"], row["attempts"], row["prompt"])
