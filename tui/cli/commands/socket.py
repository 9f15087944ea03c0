"""`quarterdeck socket`: where an engine on this machine listens, for `curl` and other programs."""

from __future__ import annotations

import click

from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json


@click.command("socket", epilog="Example: quarterdeck socket")
@common_options
def command(common: Common) -> None:
    """Print the path of the local socket, for `curl --unix-socket "$(quarterdeck socket)" http://engine/healthz`."""
    from tui.cli.settings_source import load

    path = load(common).settings.api.socket
    if common.json:
        print_json({"socket": str(path), "exists": path.exists()})
    else:
        echo(str(path))
