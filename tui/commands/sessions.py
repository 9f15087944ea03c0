"""`quarterdeck sessions …`: list, show and act on sessions of the running engine."""

from __future__ import annotations

from typing import Any

import click

from tui.client import EngineClient, address_of
from tui.options import Common, common_options
from tui.output import print_json, print_table

_COLUMNS = ("id", "state", "profile", "user", "turns", "activity", "conversation")


@click.group("sessions", invoke_without_command=True, epilog="Example: quarterdeck sessions --json")
@common_options
def command(common: Common) -> None:
    """List sessions, interrupt, stop or kill them."""
    if click.get_current_context().invoked_subcommand is None and click.get_current_context().parent is not None:
        _list(common)


@command.command("list")
@common_options
def list_sessions(common: Common) -> None:
    """List the sessions."""
    _list(common)


@command.command("show")
@click.argument("session")
@common_options
def show(common: Common, session: str) -> None:
    """Show one session with all its fields."""
    row = _call(common, "GET", f"/api/sessions/{session}")["session"]
    if common.json:
        print_json(row)
    else:
        print_table([(key, value) for key, value in row.items()], ("field", "value"))


def _acting(verb: str, does: str) -> click.Command:
    @click.command(verb, help=does)
    @click.argument("sessions", nargs=-1, required=True)
    @common_options
    def act(common: Common, sessions: tuple[str, ...]) -> None:
        done = {name: _call(common, "POST", f"/api/sessions/{name}/{verb}") for name in sessions}
        if common.json:
            print_json(done)
        else:
            print_table([(name, verb) for name in done], ("session", "done"))

    return act


command.add_command(_acting("interrupt", "End the turns of these sessions; the sessions stay."))
command.add_command(_acting("stop", "Stop these sessions politely: interrupt, EOF, SIGTERM, SIGKILL."))
command.add_command(_acting("kill", "Kill the process trees of these sessions at once."))


def _list(common: Common) -> None:
    rows = _call(common, "GET", "/api/sessions?limit=1000")["sessions"]
    if common.json:
        print_json(rows)
    else:
        print_table([[row.get(column, "") for column in _COLUMNS] for row in rows], _COLUMNS)


def _call(common: Common, method: str, path: str) -> dict[str, Any]:
    from tui.settings_source import load

    with EngineClient(address_of(None, load(common).settings.api.socket)) as client:
        return client.call(method, path)
