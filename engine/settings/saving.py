"""Settings written into the settings file: only what is saved changes, comments and order stay."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import SingleQuotedScalarString

from engine.base.errors import SettingsError
from engine.base.files import private_folder
from engine.settings import catalogue
from engine.settings.fields import BYTES, SECONDS, SHARE_OR_BYTES
from engine.settings.names import RENAMED
from engine.settings.sources import from_file, read_yaml

_WIDTH = 4096
"""Columns from which on a long text would be folded."""
_MODE = 0o600
REMEDY = "Correct the file, or name another with --config."


def save(path: Path, values: Mapping[str, Any]) -> None:
    """Write values at dotted keys (None takes one away) into the file, or make it; all of them or none.

    Raises SettingsError for secrets, which are not written, and for a file that cannot be read or written.
    """
    secrets = [key for key in values if is_secret(key)]
    if secrets:
        problems = [f"{key}: a secret is not written to the settings file." for key in secrets]
        raise SettingsError(problems, remedy="Put it into the environment, or into .env.")
    if found := from_file(path, required=False).problems:
        raise SettingsError(found, remedy=REMEDY)
    round_trip = _round_trip()
    try:
        tree = round_trip.load(path.read_text(encoding="utf-8-sig")) if path.exists() else None
        root = tree if isinstance(tree, CommentedMap) else CommentedMap()
        for key, value in values.items():
            _put(root, key.split("."), _written(key, value))
        text = io.StringIO()
        round_trip.dump(root, text)
        _replace(path, text.getvalue())
    except (OSError, YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be written back as it was"
        raise SettingsError([f"{path} cannot be saved: {reason}."], remedy=REMEDY) from error


def is_secret(key: str) -> bool:
    """Whether a setting is never written."""
    info = catalogue.find(key)
    return info is not None and info.secret


def _round_trip() -> YAML:
    round_trip = YAML(typ="rt")
    round_trip.preserve_quotes = True
    round_trip.width = _WIDTH
    return round_trip


def _put(root: CommentedMap, path: list[str], value: Any) -> None:
    for old in (old.split(".") for old, new in RENAMED.items() if new.split(".") == path and value is not None):
        _put(root, old, None)
    for name in path[:-1]:
        below = root.get(name)
        if not isinstance(below, CommentedMap):
            if value is None:
                return
            below = root[_quoted(name)] = CommentedMap()
        root = below
    if value is None:
        root.pop(path[-1], None)
    else:
        root[_quoted(path[-1])] = value


def _written(key: str, value: Any) -> Any:
    """A value as a person would write it into the file."""
    info = catalogue.find(key)
    if isinstance(value, tuple):
        return [_quoted(str(each)) if isinstance(each, (str, Path)) else each for each in value]
    if isinstance(value, Path):
        return _quoted(str(value))
    if info is not None and info.unit in {SECONDS, BYTES} and isinstance(value, (int, float)):
        return info.shown(value)
    if info is not None and info.unit == SHARE_OR_BYTES and value is not None and value > 1:
        return info.shown(value)
    return _quoted(value) if isinstance(value, str) else value


def _quoted(text: str) -> str:
    """A text in quotes where the file's reader, which keeps to YAML 1.1, takes it for something else, as with `on`."""
    try:
        return text if read_yaml(text) == text else SingleQuotedScalarString(text)
    except yaml.YAMLError:
        return text


def _replace(path: Path, text: str) -> None:
    """Write durably: a crash leaves the old file or the new one; its mode stays."""
    target = path.resolve()
    private_folder(target.parent)
    mode = target.stat().st_mode & 0o777 if target.exists() else _MODE
    handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(mode)
        Path(draft).replace(target)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise
