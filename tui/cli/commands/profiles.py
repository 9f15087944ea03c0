"""`quarterdeck profiles …`: what profiles the running engine has; drain one, let it start again."""

from __future__ import annotations

import click

from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import call
from tui.feeds.client import ANSWER_S
from tui.feeds.wire import segment

_COLUMNS = ("name", "tenant", "model", "warm", "sessions", "note")


@click.group("profiles", invoke_without_command=True, epilog="Example: quarterdeck profiles drain default")
@common_options
def command(common: Common) -> None:
    """List profiles, drain one, let it start again."""
    if click.get_current_context().invoked_subcommand is None and click.get_current_context().parent is not None:
        rows = call(common, "GET", "/api/profiles")["profiles"]
        if common.json:
            print_json(rows)
        else:
            print_table([["" if row[name] is None else row[name] for name in _COLUMNS] for row in rows], _COLUMNS)


@command.command("drain", epilog="Example: quarterdeck profiles drain default --deadline 30")
@click.argument("profile")
@click.option("--deadline", type=float, default=60.0, show_default=True, help="Seconds that running turns get.")
@common_options
def drain(common: Common, profile: str, deadline: float) -> None:
    """Start no more sessions of a profile, and end those that are there with their turns."""
    body, timeout = {"deadline": deadline}, ANSWER_S + deadline
    done = call(common, "POST", f"/api/profiles/{segment(profile)}/drain", body, timeout)["drained"]
    print_json(done) if common.json else echo(f"{profile}: {done['sessions']} sessions ended.")


@command.command("resume", epilog="Example: quarterdeck profiles resume default")
@click.argument("profile")
@common_options
def resume(common: Common, profile: str) -> None:
    """Let a drained profile's sessions start again."""
    done = call(common, "POST", f"/api/profiles/{segment(profile)}/resume")
    print_json(done) if common.json else echo(f"{profile}: sessions start again.")
