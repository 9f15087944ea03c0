"""All sources as one: defaults < file < environment < command line, checked as a whole before anything is used."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.base.errors import SettingsError
from engine.settings import catalogue, paths, problems
from engine.settings.env_files import HERE, CurrentFolder, EnvFile, env_files
from engine.settings.environment import from_environment
from engine.settings.names import NAMES
from engine.settings.schema import Settings
from engine.settings.sources import Layer, from_file, from_overrides
from engine.settings.tree import flatten_raw, merged
from engine.settings.unused import DEFAULT

_NAMED = re.compile(r"(\S+) [=(]")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each came from (dotted key → words), and the file that was read, if any.

    `notices` are what the operator must know beside them: a sentence and what helps.
    """

    settings: Settings
    origins: dict[str, str]
    config: Path | None
    notices: tuple[tuple[str, str], ...] = ()


def load_settings(
    config: Path | None,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    dotenv: Path | CurrentFolder | None = HERE,
) -> Loaded:
    """Read and check every source; SettingsError lists every problem of all of them at once.

    Without `config` the file in the user's configuration directory is read when there is one. `dotenv` names a `.env`
    file that is read whole; the current folder's files act as far as the operator trusts them; None reads none.
    """
    path = config or paths.config_file(environ)
    files = list(env_files(dotenv, environ, frozenset(NAMES))) if dotenv is not None else []
    layers = [
        _machine(environ),
        from_file(path, required=config is not None),
        *map(_env_layer, files),
        from_environment(environ, "environment"),
        from_overrides(overrides),
    ]
    settings, origins = validated(layers)
    notices = tuple(notice for file in files if (notice := file.notice) is not None)
    return Loaded(settings, origins, path if path.exists() else None, notices)


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


def _env_layer(file: EnvFile) -> Layer:
    layer = from_environment(file.values, str(file.path))
    layer.problems += file.problems
    return layer
