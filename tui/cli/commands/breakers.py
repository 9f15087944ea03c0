"""`quarterdeck breakers …`: the circuit breakers of the running engine."""

from __future__ import annotations

from datetime import datetime

import click

from tui.cli.options import Common, called_alone, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import call
from tui.feeds.wire import segment


@click.group("breakers", invoke_without_command=True, epilog="Example: quarterdeck breakers --json")
@common_options
def command(common: Common) -> None:
    """Show the circuit breakers and their states, or move one by hand."""
    if called_alone():
        rows = call(common, "GET", "/api/breakers?limit=1000")["breakers"]
        if common.json:
            print_json(rows)
        else:
            cells = [(row["name"], row["state"], row["running"], row["reason"]) for row in rows]
            print_table(cells, ("breaker", "state", "running", "because"))


@command.command("show", epilog="Example: quarterdeck breakers show credential:default")
@click.argument("breaker")
@common_options
def show(common: Common, breaker: str) -> None:
    """The changes of one breaker, oldest first."""
    found = call(common, "GET", f"/api/breakers/{segment(breaker)}")["breaker"]
    if common.json:
        print_json(found)
    else:
        rows = [(_time(row["at"]), row["before"], row["after"], row["reason"]) for row in found["history"]]
        print_table(rows, ("at", "from", "to", "because"))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _acting(act: str, does: str) -> click.Command:
    @click.command(act, help=does, epilog=f"Example: quarterdeck breakers {act} credential:default")
    @click.argument("breakers", metavar="BREAKER...", nargs=-1, required=True)
    @common_options
    def move(common: Common, breakers: tuple[str, ...]) -> None:
        for breaker in breakers:
            found = call(common, "POST", f"/api/breakers/{segment(breaker)}", {"act": act})["breaker"]
            print_json(found) if common.json else echo(f"{breaker}: {found['state']}")

    return move


command.add_command(_acting("open", "Let nothing through until it is closed by hand."))
command.add_command(_acting("close", "Let calls through; it goes on by itself from there."))
command.add_command(_acting("trip", "Open it as a failure would; it tries again by itself."))
command.add_command(_acting("disable", "Let everything through, whatever fails."))
