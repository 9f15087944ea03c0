"""`quarterdeck checkpoints …`: requests that a shutdown broke off: list, resume, delete them."""

from __future__ import annotations

import click

from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import call
from tui.feeds.wire import segment

_COLUMNS = ("request", "at", "profile", "user", "conversation", "prompt")
_PROMPT = 60


@click.group("checkpoints", invoke_without_command=True, epilog="Example: quarterdeck checkpoints resume r42")
@common_options
def command(common: Common) -> None:
    """List requests that a shutdown broke off, resume or delete them."""
    if click.get_current_context().invoked_subcommand is None and click.get_current_context().parent is not None:
        _list(common)


@command.command("list", epilog="Example: quarterdeck checkpoints list --json")
@common_options
def list_checkpoints(common: Common) -> None:
    """The checkpoints, oldest first."""
    _list(common)


@command.command("resume", epilog="Example: quarterdeck checkpoints resume r42")
@click.argument("requests", nargs=-1, required=True, metavar="REQUEST...")
@common_options
def resume(common: Common, requests: tuple[str, ...]) -> None:
    """Run these requests again, in their conversations."""
    for request in requests:
        done = call(common, "POST", f"/api/checkpoints/{segment(request)}/resume")
        print_json(done) if common.json else echo(f"{request}: resumed.")


@command.command("delete", epilog="Example: quarterdeck checkpoints delete r42")
@click.argument("requests", nargs=-1, required=True, metavar="REQUEST...")
@common_options
def delete(common: Common, requests: tuple[str, ...]) -> None:
    """Give these requests up."""
    for request in requests:
        done = call(common, "DELETE", f"/api/checkpoints/{segment(request)}")
        print_json(done) if common.json else echo(f"{request}: deleted.")


def _list(common: Common) -> None:
    from tui.render.formats import clock

    rows = call(common, "GET", "/api/checkpoints")["checkpoints"]
    if common.json:
        print_json(rows)
        return
    shown = [{**row, "at": clock(row["at"]), "prompt": " ".join(row["prompt"].split())[:_PROMPT]} for row in rows]
    print_table([[row[column] for column in _COLUMNS] for row in shown], _COLUMNS)
