"""`quarterdeck keys …`: every action with its key, and what keys.toml gets wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.base.errors import BadInput, QuarterdeckError
from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json, print_table

if TYPE_CHECKING:
    from tui.actions.keymap import Keymap


@click.group("keys", invoke_without_command=True, epilog="Example: quarterdeck keys --json")
@common_options
def command(common: Common) -> None:
    """List the actions of the console with the keys in force, those of keys.toml included."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    keymap = _keymap(common, None)
    rows = [_row(action, changed=action.id in keymap.changed) for action in keymap.actions]
    if common.json:
        print_json(rows)
    else:
        cells = [(row["id"], row["key"] + (" *" if row["changed"] else ""), row["scope"], row["text"]) for row in rows]
        print_table(cells, ("action", "key", "where", "does"))
    for problem in keymap.problems:
        echo(f"quarterdeck: keys.toml: {problem}", err=True)


@command.command("check", epilog="Example: quarterdeck keys check")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common_options
def check(common: Common, file: Path | None) -> None:
    """Read keys.toml, or FILE, and state what is wrong with it, or that all is well. Exits 2 when something is."""
    from tui.actions.keymap import keys_file

    path = file if file is not None else keys_file(os.environ)
    if file is not None and not file.is_file():
        raise BadInput(f"There is no file {file}.", remedy="Name another, or none for your keys.toml.")
    keymap = _keymap(common, path)
    if keymap.problems and not common.json:
        remedy = "`quarterdeck keys` lists the actions with their keys."
        raise BadInput("\n".join((f"{path}:", *keymap.problems)), field="keys", remedy=remedy)
    if common.json:
        print_json({"file": str(path), "ok": not keymap.problems, "changed": keymap.changed,
                    "problems": keymap.problems})  # fmt: skip
        click.get_current_context().exit(2 if keymap.problems else 0)
    there = f"{len(keymap.changed)} changed" if path.is_file() else "no such file: the keys are as they came"
    echo(f"All keys are well ({path}: {there}).")


def _keymap(common: Common, path: Path | None) -> Keymap:
    """The keys in force, with those of plugin screens."""
    from tui.actions.keymap import load_keymap
    from tui.actions.registry import ACTIONS
    from tui.cli.settings_source import load
    from tui.console.plugin_screens import find_screens

    try:
        named = load(common).settings.console.screens
    except QuarterdeckError:  # whoever asks for keys need not put the settings right first
        named = ()
    own = [action for screen in find_screens(named).screens for action in (screen.view, *screen.actions)]
    return load_keymap(path, (*ACTIONS, *own))


def _row(action: Any, *, changed: bool) -> dict[str, Any]:
    keys = action.key.split(",")
    row = {"id": action.id, "key": action.shown_key, "keys": keys, "scope": str(action.scope), "text": action.text}
    return {**row, "acts": action.acts, "changed": changed}
