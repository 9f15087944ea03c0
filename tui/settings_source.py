"""The settings of a command, from its common options."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tui.options import Common

if TYPE_CHECKING:
    from engine.settings.load import Loaded


def load(common: Common) -> Loaded:
    """Every source read and checked. Raises SettingsError that lists every problem."""
    from engine.settings.load import load_settings

    return load_settings(common.config, common.settings_overrides, os.environ)
