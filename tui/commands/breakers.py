"""`quarterdeck breakers`: the circuit breakers of the running engine."""

from __future__ import annotations

import click

from tui.client import EngineClient, address_of
from tui.options import Common, common_options
from tui.output import print_json, print_table


@click.command("breakers", epilog="Example: quarterdeck breakers --json")
@common_options
def command(common: Common) -> None:
    """Show the circuit breakers and their states."""
    from tui.settings_source import load

    with EngineClient(address_of(None, load(common).settings.api.socket)) as client:
        rows = client.call("GET", "/api/breakers")["breakers"]
    if common.json:
        print_json(rows)
    else:
        print_table([(row["name"], row["state"]) for row in rows], ("breaker", "state"))
