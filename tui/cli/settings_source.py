"""The settings of a command, from its common options."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.base import process
from engine.base.errors import BadInput
from tui.cli.options import Common
from tui.cli.output import echo

if TYPE_CHECKING:
    from engine.settings.env_files import CurrentFolder
    from engine.settings.load import Loaded


def load(common: Common, *, warn: bool = True) -> Loaded:
    """Every source read and checked. Raises SettingsError that lists every problem.

    What was skipped is reported on standard error, if `warn`. Secrets leave `os.environ`; the settings have them.
    """
    from engine.settings.environment import secret_names
    from engine.settings.load import load_settings

    environ = process.environment()
    loaded = load_settings(common.config, common.settings_overrides, environ, _dotenv(common))
    process.hide(secret_names(environ))
    if warn:
        for sentence, remedy in loaded.notices:
            _warn(sentence, remedy)
    return loaded


def warn_of_env_files(common: Common) -> None:
    """Name on standard error what is skipped of the current folder's `.env` files, before the settings are loaded."""
    from engine.settings.env_files import env_files
    from engine.settings.names import NAMES

    for file in env_files(_dotenv(common), process.environment(), frozenset(NAMES)):
        if (notice := file.notice) is not None:
            _warn(*notice)


def _dotenv(common: Common) -> Path | CurrentFolder:
    from engine.settings.env_files import HERE

    if common.env_file is None:
        return HERE
    if not common.env_file.exists():
        raise BadInput(
            f"{common.env_file} does not exist.", field="env_file", remedy="Name a file that does after --env-file."
        )
    return common.env_file


@cache
def _warn(sentence: str, remedy: str) -> None:
    """Once a process: a command may load its settings several times."""
    echo(f"quarterdeck: {sentence} {remedy}".rstrip(), err=True)
