"""`quarterdeck plugins`: the installed extensions, and what is wrong with them."""

from __future__ import annotations

import click

from engine.base.plugins import installed
from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json, print_table

_COLUMNS = ("kind", "name", "package", "class", "state")


@click.command("plugins", epilog="Example: quarterdeck plugins")
@common_options
def command(common: Common) -> None:
    """List the installed extensions and check that they load; exits with 1 when one does not."""
    found = installed()
    rows = [(each.kind, each.name, each.package, each.value, each.problem or "ok") for each in found]
    if common.json:
        print_json([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
    elif rows:
        print_table(rows, _COLUMNS)
    else:
        echo("No extension is installed; docs/development/plugin-development.md shows how one is made.")
    if any(each.problem for each in found):
        click.get_current_context().exit(1)
