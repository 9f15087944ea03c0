"""`quarterdeck errors …`: what failed, how recovery went, and the correction of a class."""

from __future__ import annotations

import time
from typing import Any

import click

from tui.cli.options import Common, called_alone, common_options
from tui.cli.output import print_json, print_table
from tui.cli.running_engine import call
from tui.feeds.wire import segment

_TYPES = ("network", "process", "auth", "resource", "timeout", "validation", "internal")
_WINDOWS = ("5m", "1h", "24h")
_COLUMNS = ("id", "at", "type", "rule", "end", "session", "text")
_LIMIT = 100


@click.group("errors", invoke_without_command=True, epilog="Example: quarterdeck errors --json")
@common_options
def command(common: Common) -> None:
    """Show errors with class and rule, and how recovery went; correct a class."""
    if called_alone():
        _list(common, None, _LIMIT)


@command.command("list", epilog="Example: quarterdeck errors list --type network")
@click.option("--type", "kind", type=click.Choice(_TYPES), help="Only those of this type.")
@click.option("--limit", type=click.IntRange(1, 1000), default=_LIMIT, show_default=True, help="So many at most.")
@common_options
def list_errors(common: Common, kind: str | None, limit: int) -> None:
    """The last errors, newest first."""
    _list(common, kind, limit)


@command.command("statistics", epilog="Example: quarterdeck errors statistics --window 5m")
@click.option("--window", type=click.Choice(_WINDOWS), default="1h", show_default=True, help="The time they are of.")
@common_options
def statistics(common: Common, window: str) -> None:
    """Rates, retries, availability, and the times to detect and to recover."""
    found = call(common, "GET", f"/api/errors/statistics?window={segment(window)}")["statistics"]
    if common.json:
        print_json(found)
    else:
        print_table([(name, _shown(value)) for name, value in found.items()], ("figure", "value"))


@command.command("correct", epilog="Example: quarterdeck errors correct 4f1c.1 network")
@click.argument("error", metavar="ID")
@click.argument("kind", metavar="TYPE", type=click.Choice((*_TYPES, "none")))
@common_options
def correct(common: Common, error: str, kind: str) -> None:
    """Teach that errors like ID are of TYPE; `quarterdeck classify forget` takes it back."""
    rule = call(common, "POST", f"/api/errors/{segment(error)}/class", {"type": kind})["rule"]
    if common.json:
        print_json(rule)
    else:
        print_table([(rule["id"], rule["type"], rule["template"])], ("rule", "type", "template"))


def _list(common: Common, kind: str | None, limit: int) -> None:
    from tui.render.formats import moment

    chosen = f"&type={kind}" if kind else ""
    rows = call(common, "GET", f"/api/errors?limit={limit}{chosen}")["errors"]
    if common.json:
        print_json(rows)
    else:
        shown = [{**row, "at": moment(row["at"], time.time())} for row in rows]
        print_table([[row[column] for column in _COLUMNS] for row in shown], _COLUMNS)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {_shown(each)}" for name, each in value.items()) or "none"
    if value is None:
        return "nothing happened"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
