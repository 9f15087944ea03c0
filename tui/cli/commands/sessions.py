"""`quarterdeck sessions …`: list, show and act on sessions of the running engine."""

from __future__ import annotations

import click

from tui.cli.options import SECONDS, Common, called_alone, common_options
from tui.cli.output import print_json, print_table
from tui.cli.running_engine import call
from tui.feeds.client import ANSWER_S
from tui.feeds.wire import segment

_ENDED_COLUMNS = ("id", "profile", "turns", "reason", "last_error", "conversation")
_COLUMNS = ("id", "state", "profile", "user", "turns", "activity", "conversation", "cwd")


@click.group("sessions", invoke_without_command=True, epilog="Example: quarterdeck sessions --json")
@common_options
def command(common: Common) -> None:
    """List sessions, interrupt, hibernate, recycle, stop or kill them."""
    if called_alone():
        _list(common)


@command.command("list", epilog="Example: quarterdeck sessions list --ended")
@click.option("--ended", is_flag=True, help="How the last ones ended, newest first.")
@common_options
def list_sessions(common: Common, ended: bool) -> None:
    """List the sessions."""
    _list(common, ended=ended)


def _acting(verb: str, does: str) -> click.Command:
    @click.command(verb, help=does, epilog=f"Example: quarterdeck sessions {verb} k7f003")
    @click.argument("sessions", nargs=-1, required=True)
    @common_options
    def act(common: Common, sessions: tuple[str, ...]) -> None:
        done = {name: call(common, "POST", f"/api/sessions/{segment(name)}/{verb}") for name in sessions}
        if common.json:
            print_json(done)
        else:
            print_table([(name, verb) for name in done], ("session", "done"))

    return act


def _ending(verb: str, does: str) -> click.Command:
    @click.command(verb, help=does, epilog=f"Example: quarterdeck sessions {verb} k7f003")
    @click.argument("sessions", nargs=-1, required=True)
    @click.option("--keep-request", is_flag=True, help="Let the request that runs there go on in another session.")
    @common_options
    def end(common: Common, sessions: tuple[str, ...], keep_request: bool) -> None:
        body = {"request": not keep_request}
        done = {name: call(common, "POST", f"/api/sessions/{segment(name)}/{verb}", body) for name in sessions}
        if common.json:
            print_json(done)
        else:
            rows = [(name, verb, ", ".join(shown.get("requests", ()))) for name, shown in done.items()]
            print_table(rows, ("session", "done", "requests cancelled"))

    return end


command.add_command(_acting("interrupt", "End the turns of these sessions; the sessions stay."))
command.add_command(
    _acting("hibernate", "Give idle sessions' processes back; their conversations sleep until gone on with.")
)
command.add_command(_ending("stop", "Stop these sessions in steps: interrupt, end of input, SIGTERM, SIGKILL."))
command.add_command(_ending("kill", "Kill the process trees of these sessions at once."))


@command.command("recycle", epilog="Example: quarterdeck sessions recycle k7f003 --deadline 30")
@click.argument("sessions", nargs=-1, required=True)
@click.option("--deadline", type=SECONDS, default=60.0, show_default=True, help="Seconds that a running turn gets.")
@common_options
def recycle(common: Common, sessions: tuple[str, ...], deadline: float) -> None:
    """Give these sessions no new work and stop them at the end of their turn."""
    body, timeout = {"deadline": deadline}, ANSWER_S + deadline
    done = {name: call(common, "POST", f"/api/sessions/{segment(name)}/recycle", body, timeout) for name in sessions}
    if common.json:
        print_json(done)
    else:
        print_table([(name, "recycled") for name in done], ("session", "done"))


def _list(common: Common, *, ended: bool = False) -> None:
    rows = call(common, "GET", f"/api/sessions?limit=1000&ended={int(ended)}")["sessions"]
    columns = _ENDED_COLUMNS if ended else _COLUMNS
    if common.json:
        print_json(rows)
    else:
        print_table([[row.get(column, "") for column in columns] for row in rows], columns)
