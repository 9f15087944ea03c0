"""`quarterdeck attach [WHERE]`: the console on a running engine."""

from __future__ import annotations

import click

from engine.base.errors import NoEngine
from tui.cli.options import Common, common_options


@click.command("attach", epilog="Example: quarterdeck attach   or   ssh -t HOST quarterdeck attach")
@click.argument("where", required=False)
@common_options
def command(common: Common, where: str | None) -> None:
    """Open the console on a running engine.

    WHERE is `unix:PATH` or `http(s)://HOST:PORT` (with the token in QUARTERDECK_TOKEN); by default the local socket.
    """
    from tui.cli.commands.console import open_console
    from tui.cli.settings_source import load
    from tui.feeds.client import START_ONE, EngineClient, address_of

    address = address_of(where, None if where else load(common).settings.api.socket)
    with EngineClient(address) as client:
        if not client.alive():
            raise NoEngine(f"No engine answers at {address}.", remedy=START_ONE)
    open_console(common, where, attach=True)
