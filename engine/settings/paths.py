"""Where Quarterdeck keeps its things on this machine, after the XDG base directory rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from engine.base.operator import home_folder

NAME = "quarterdeck"


def socket_path(environ: Mapping[str, str]) -> Path:
    """The local socket of the engine: under `$XDG_RUNTIME_DIR`, else in `~/.quarterdeck`."""
    runtime = _absolute(environ.get("XDG_RUNTIME_DIR"))
    directory = runtime / NAME if runtime else home_folder(environ) / f".{NAME}"
    return directory / "engine.sock"


def state_directory(environ: Mapping[str, str]) -> Path:
    """Where the database, recordings and logs live."""
    return (_absolute(environ.get("XDG_STATE_HOME")) or home_folder(environ) / ".local" / "state") / NAME


def config_directory(environ: Mapping[str, str]) -> Path:
    """Where the user's own configuration and themes live."""
    return (_absolute(environ.get("XDG_CONFIG_HOME")) or home_folder(environ) / ".config") / NAME


def config_file(environ: Mapping[str, str]) -> Path:
    """The settings file that is read when none is named."""
    return config_directory(environ) / "config.yaml"


def _absolute(text: str | None) -> Path | None:
    # The XDG specification tells readers to ignore relative values.
    return Path(text) if text and Path(text).is_absolute() else None
