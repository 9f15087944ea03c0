"""`quarterdeck scale N|auto|off`: the size of the running engine's pool."""

from __future__ import annotations

from typing import Any

import click

from engine.base.errors import BadInput
from tui.cli.options import Common, common_options
from tui.cli.output import print_json, print_table
from tui.cli.running_engine import call

_NEGATIVE = {"ignore_unknown_options": True}  # so that -1 is a size, and refused as one


@click.command("scale", context_settings=_NEGATIVE, epilog="Example: quarterdeck scale auto")
@click.argument("size")
@common_options
def command(common: Common, size: str) -> None:
    """Keep SIZE sessions, `auto` to follow the load again, `off` to stay at the present size."""
    path, body = _asked(size)
    pool = call(common, "POST", path, body)["pool"]
    if common.json:
        print_json(pool)
    else:
        print_table([(pool["size"], pool["target"], pool["reason"])], ("sessions", "going to", "because"))


def _asked(size: str) -> tuple[str, dict[str, Any]]:
    if size in {"auto", "off"}:
        return "/api/pool/autoscale", {"enabled": size == "auto"}
    try:
        return "/api/pool/scale", {"target": int(size)}
    except ValueError:
        raise BadInput(f"{size!r} is no size.", field="size", remedy="Use a whole number, `auto` or `off`.") from None
