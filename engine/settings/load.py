"""All sources as one: defaults < file < environment < command line, checked as a whole before anything is used."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.errors import SettingsError
from engine.settings import catalogue, paths, problems
from engine.settings.dotenv import read_dotenv
from engine.settings.environment import from_environment
from engine.settings.schema import Settings
from engine.settings.sources import Layer, from_file, from_overrides
from engine.settings.tree import flatten_raw, merged
from engine.settings.unused import DEFAULT

_NAMED = re.compile(r"(\S+) [=(]")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each came from (dotted key → words), and the file that was read, if any."""

    settings: Settings
    origins: dict[str, str]
    config: Path | None


def load_settings(
    config: Path | None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    dotenv: Path | None = Path(".env"),
) -> Loaded:
    """Read and check every source; SettingsError lists every problem of all of them at once.

    Without `config` the file in the user's configuration directory is read when there is one.
    """
    path = config or paths.config_file(environ)
    layers = [
        _machine(environ),
        from_file(path, required=config is not None),
        _dotenv(dotenv),
        from_environment(environ, "environment"),
        from_overrides(overrides),
    ]
    settings, origins = validated(layers)
    return Loaded(settings, origins, path if path.exists() else None)


def validated(layers: Sequence[Layer]) -> tuple[Settings, dict[str, str]]:
    """The settings that the layers give, later ones winning, and their origins; SettingsError lists every problem."""
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    found: list[str] = []
    for layer in layers:
        tree = merged(tree, layer.tree)
        origins |= layer.origins
        found += layer.problems
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        found += problems.of_validation(error, tree, origins)
    if found:
        raise SettingsError(found, remedy=catalogue.SCHEMA_REMEDY, field=_field(found[0]))
    return settings, {key: origins.get(key, DEFAULT) for key in flatten_raw(settings)}


def _field(problem: str) -> str | None:
    """The key that a problem begins with; there is none when a whole file is wrong."""
    named = _NAMED.match(problem)
    return named[1] if named else None


def _machine(environ: Mapping[str, str]) -> Layer:
    """The defaults that depend on the machine."""
    layer = Layer()
    layer.add("engine.state_dir", paths.state_directory(environ), DEFAULT)
    layer.add("api.socket", paths.socket_path(environ), DEFAULT)
    return layer


def _dotenv(path: Path | None) -> Layer:
    if path is None:
        return Layer()
    values, bad_lines = read_dotenv(path)
    layer = from_environment(values, str(path))
    layer.problems += bad_lines
    return layer
