"""Settings for the library: nothing is read that the caller did not name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.settings.load import Loaded
from engine.settings.load import load_settings as load


def load_settings(
    *overrides: str,
    config: str | Path | None = None,
    env_file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read and check the settings; SettingsError lists every problem at once.

    `overrides` are `key=value` as for `--set`. Without `config` the user's own file is read when there is one; a `.env`
    file only when `env_file` names it. `environ` stands for the environment variables.
    """
    return load(
        Path(config) if config is not None else None,
        overrides,
        os.environ if environ is None else environ,
        Path(env_file) if env_file is not None else None,
    )
