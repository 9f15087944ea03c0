"""`quarterdeck config …`: show, check and change settings; on the running engine where there is one."""

from __future__ import annotations

from typing import Any

import click

from engine.base.errors import NoEngine, SettingsError
from tui.cli.options import Common, common_options
from tui.cli.output import echo, print_json, print_table
from tui.cli.running_engine import running_engine


@click.group("config", epilog="Example: quarterdeck config set session_pool.max_size=20")
def command() -> None:
    """Show, check and change settings."""


@command.command("show")
@common_options
def show(common: Common) -> None:
    """Every setting with its value and where it came from; the running engine's, else what a start would use."""
    values, origins = _values(common)
    if common.json:
        print_json({"config": values, "origins": origins})
    else:
        print_table(
            [(key, value, origins.get(key, "default")) for key, value in values.items()], ("key", "value", "from")
        )


@command.command("diff", epilog="Example: quarterdeck config diff --set cache.enabled=false")
@common_options
def diff(common: Common) -> None:
    """The settings that differ from their defaults, and where they came from."""
    from engine.settings.catalogue import general
    from engine.settings.schema import Settings
    from engine.settings.tree import flatten

    values, origins = _values(common)
    defaults = {general(key): value for key, value in flatten(Settings()).items()}
    changed = {key: (defaults.get(general(key)), value) for key, value in values.items()}
    changed = {key: pair for key, pair in changed.items() if pair[0] != pair[1]}
    if common.json:
        print_json({key: {"default": default, "value": value} for key, (default, value) in changed.items()})
        return
    rows = [(key, default, value, origins.get(key, "default")) for key, (default, value) in changed.items()]
    print_table(rows, ("key", "default", "value", "from"))


@command.command("get")
@click.argument("key")
@common_options
def get(common: Common, key: str) -> None:
    """One setting's value."""
    from engine.settings.catalogue import field_info

    field_info(key)
    value = _values(common)[0].get(key)
    print_json(value) if common.json else echo(value)


@command.command("set")
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE…")
@click.option("--save", "saved", is_flag=True, help="Write them into the settings file too, so that they last.")
@common_options
def set_(common: Common, changes: tuple[str, ...], saved: bool) -> None:
    """Change settings of the running engine, all or none; without --save until it ends."""
    from engine.settings.sources import from_overrides
    from engine.settings.tree import find_value

    layer = from_overrides(changes)
    if layer.problems:
        raise SettingsError(layer.problems, remedy="`quarterdeck config schema` lists every setting.")
    body = {key: find_value(layer.tree, key) for key in layer.origins}
    with running_engine(common) as client:
        change = client.call("PATCH", "/api/config", body)["change"]
        shown = client.call("POST", "/api/config/save", {"keys": list(change["changes"])})["saved"] if saved else {}
    _show_change(common, {**change, "saved": shown.get("file")})


@command.command("save", epilog="Example: quarterdeck config save")
@common_options
def save(common: Common) -> None:
    """Write the live changes into the settings file, so that they survive a restart; its comments stay."""
    from engine.settings.saving import is_secret

    with running_engine(common) as client:
        saved = client.call("POST", "/api/config/save", {})["saved"]
    if common.json:
        print_json(saved)
        return
    echo(f"{', '.join(saved['keys'])}: saved in {saved['file']}.")
    secrets = [key for key in saved["left_out"] if is_secret(key)]
    if secrets:
        echo(f"{', '.join(secrets)}: secrets are not saved; put them into the environment.")
    if local := [key for key in saved["left_out"] if key not in secrets]:
        echo(f"{', '.join(local)}: a token does not save what runs on the engine's machine; save it there.")


@command.command("history")
@common_options
def history(common: Common) -> None:
    """The changes made live to the running engine, oldest first."""
    with running_engine(common) as client:
        changes = client.call("GET", "/api/config/history")["changes"]
    if common.json:
        print_json(changes)
        return
    rows = [
        (change["number"], change["who"], key, old, new)
        for change in changes
        for key, (old, new) in change["changes"].items()
    ]
    print_table(rows, ("number", "who", "key", "old", "new"))


@command.command("undo")
@common_options
def undo(common: Common) -> None:
    """Take back the last live change that is still in force."""
    with running_engine(common) as client:
        _show_change(common, client.call("POST", "/api/config/undo")["change"])


@command.command("check")
@common_options
def check(common: Common) -> None:
    """Read every source and state what is wrong, or that all is well."""
    from tui.cli.settings_source import load

    loaded = load(common)
    found = {"config": str(loaded.config) if loaded.config else None, "ok": True}
    print_json(found) if common.json else echo(f"All settings are well ({loaded.config or 'no settings file'}).")


@command.command("schema")
@click.option("--markdown", is_flag=True, help="The settings reference as Markdown.")
@common_options
def schema(common: Common, markdown: bool) -> None:  # noqa: ARG001 - the schema is JSON anyway
    """The JSON schema of the settings file."""
    from engine.settings import reference

    if markdown:
        echo(reference.markdown())
    else:
        print_json(reference.json_schema())


def _show_change(common: Common, change: dict[str, Any]) -> None:
    if common.json:
        print_json(change)
    else:
        print_table([(key, old, new) for key, (old, new) in change["changes"].items()], ("key", "old", "new"))


def _values(common: Common) -> tuple[dict[str, Any], dict[str, str]]:
    from engine.settings.tree import flatten
    from tui.cli.settings_source import load

    try:
        with running_engine(common) as client:
            data = client.call("GET", "/api/config")
            return _with_overrides(common, data["config"], data["origins"])
    except NoEngine:
        loaded = load(common)
        return flatten(loaded.settings), loaded.origins


def _with_overrides(
    common: Common, values: dict[str, Any], origins: dict[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What `--set` gives counts beside a running engine too."""
    from engine.settings.sources import from_overrides
    from engine.settings.tree import flatten
    from tui.cli.settings_source import load

    if not common.settings_overrides:
        return values, origins
    given = flatten(load(common).settings)
    mine = {key: given[key] for key in from_overrides(common.settings_overrides).origins if key in given}
    return values | mine, origins | dict.fromkeys(mine, "--set")
