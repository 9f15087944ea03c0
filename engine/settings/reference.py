"""The schema for people and programs: a JSON Schema of the settings file, and the settings reference of the docs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from engine.settings import catalogue
from engine.settings.environment import variable_name
from engine.settings.fields import BYTES, SECONDS, SHARE_OR_BYTES
from engine.settings.names import NAMES

_TYPES: dict[type, dict[str, Any]] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    SecretStr: {"type": "string"},
    Path: {"type": "string"},
    tuple: {"type": "array", "items": {"type": "string"}},
    dict: {"type": "object", "additionalProperties": {"type": "string"}},
}

_ENV_FILES = (
    "Also read from `.env` files: the one in the configuration folder, or the one that `--env-file` names. The `.env`",
    "and `.env.production` of the current folder act once `quarterdeck env trust` was run on them; until then only",
    "CLAUDE_MODEL, CLAUDE_MAX_TOKENS and PORT in them count, and a line on standard error names what is skipped.",
)
"""How far a `.env` file acts."""


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the settings file; `x-unit`, `x-applies`, `x-secret`, `x-environment` are ours."""
    root: dict[str, Any] = _object("Settings of Quarterdeck.")
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Quarterdeck settings", **root}
    root["properties"]["profiles"] = _object("Profiles by name.") | {"additionalProperties": True}
    for name, description in catalogue.groups().items():
        _insert(root, name, _object(description))
    for key, setting in catalogue.catalogue().items():
        _insert(root, key, _property(setting))
    return root


def markdown() -> str:
    """The settings reference, one table a group."""
    lines = [
        "# Settings",
        "",
        "Order: defaults < file < environment < command line < changes made live. Durations are written `30s`, `5m`,",
        "`1h` or as seconds, sizes `512MiB`, `1GB` or as bytes. In the environment a key's name is",
        f"`{variable_name('session_pool.max_size')}` for `session_pool.max_size`; also on the command line:",
        "`--set session_pool.max_size=20`.",
    ]
    for name, description in catalogue.groups().items():
        lines += ["", f"## {name.replace('*', 'NAME')}", "", description, "", *_table(name)]
    lines += ["", "## Environment names", "", *_ENV_FILES, "", *_names()]
    return "\n".join(lines) + "\n"


def environment_example() -> str:
    """The text of `.env.example`: every user's name with a comment, none of them set."""
    lines = [
        "# Copy this file to .env and fill in what you need; what stays empty is not set.",
        "# Then let it act: quarterdeck env trust",
    ]
    for name, (_key, use) in NAMES.items():
        lines += ["", f"# {use}", f"{name}="]
    return "\n".join(lines) + "\n"


def _table(group: str) -> Iterator[str]:
    yield "| setting | default | takes | what it does | a change |"
    yield "| --- | --- | --- | --- | --- |"
    for setting in catalogue.catalogue().values():
        if setting.group == group:
            name = setting.key.rpartition(".")[2]
            cells = [setting.shown_default, setting.allowed, setting.description, setting.applies]
            yield f"| `{name}` | " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _names() -> Iterator[str]:
    yield "| name | setting | what |"
    yield "| --- | --- | --- |"
    for name, (key, use) in NAMES.items():
        yield f"| `{name}` | `{key}` | {use} |"


def _object(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": False, "properties": {}}


def _insert(root: dict[str, Any], key: str, leaf: dict[str, Any]) -> None:
    *above, last = key.split(".")
    found = root
    for name in above:
        found = found["properties"][name] if name != "*" else found["additionalProperties"]
    if last == "*":
        found["additionalProperties"] = leaf
    else:
        found["properties"][last] = leaf


def _property(setting: catalogue.Setting) -> dict[str, Any]:
    shape = {**_TYPES[setting.kind], "description": setting.description}
    if setting.columns:
        texts = {name: {"type": "string"} for name in setting.columns}
        shape["items"] = {"type": "object", "properties": texts, "additionalProperties": False}
    if setting.unit in (SECONDS, BYTES, SHARE_OR_BYTES):
        shape["type"] = [shape["type"], "string"]
    if setting.choices:
        shape["examples" if setting.extensible else "enum"] = [*setting.choices, *([None] if setting.optional else [])]
    if setting.optional:
        shape["type"] = [*_listed(shape["type"]), "null"]
    limits = {"minimum": setting.minimum, "maximum": setting.maximum}
    shape |= {name: limit for name, limit in limits.items() if limit is not None}
    return shape | _notes(setting)


def _notes(setting: catalogue.Setting) -> dict[str, Any]:
    name = variable_name(setting.key).replace("*", "NAME")
    notes: dict[str, Any] = {"default": setting.shown_default, "x-applies": setting.applies, "x-environment": name}
    if isinstance(setting.default, (bool, int, float, str)) or setting.default is None:
        notes["default"] = setting.default
    if isinstance(setting.default, (tuple, dict)):
        notes["default"] = type(setting.default)(setting.default)
    if setting.unit:
        notes["x-unit"] = setting.unit
    if setting.secret:
        notes["x-secret"] = True
    return notes


def _listed(types: str | list[str]) -> list[str]:
    return [types] if isinstance(types, str) else types
