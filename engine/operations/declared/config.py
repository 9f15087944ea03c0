"""Settings: show, check, change, undo and save them, live."""

from __future__ import annotations

from typing import Any

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import NoArguments, Operation

MAX_CHANGES = 100
"""Settings of one change."""
MAX_ENTRIES = 1000
"""Values in the mappings and lists of one change."""
MAX_CHANGE_BYTES = 256 * 1024
BOUNDS = f"A change has at most {MAX_CHANGES} settings, {MAX_ENTRIES} values in all and {MAX_CHANGE_BYTES} bytes."


class SettingsChange(msgspec.Struct, kw_only=True):
    """One change that was made: `when` in seconds since 1970, key → [old, new] with secrets redacted.

    `restarts` names the parts that follow only after a restart; `undoes` is the number of the change it took back.
    """

    number: int
    who: str
    when: float
    changes: dict[str, list[Any]]
    restarts: list[str]
    undoes: int | None


class SavedSettings(msgspec.Struct, kw_only=True):
    """Where settings were saved, and which; left out are secrets, and what only a local caller may save."""

    file: str
    keys: list[str]
    left_out: list[str]


class ConfigResult(msgspec.Struct, kw_only=True):
    """Every setting by dotted key with secrets redacted, and where each that is no default came from."""

    config: dict[str, Any]
    origins: dict[str, str]


class ChangeSettings(msgspec.Struct, kw_only=True, frozen=True):
    """New values by dotted key; all are applied or none."""

    changes: dict[str, Any]


class ChangeResult(msgspec.Struct, kw_only=True):
    """The change as history keeps it."""

    change: SettingsChange


class Checked(msgspec.Struct, kw_only=True):
    """The changes would be accepted."""

    ok: bool


class ChangesResult(msgspec.Struct, kw_only=True):
    """A page of the live changes, oldest first, of `total`."""

    changes: list[SettingsChange]
    total: int


class SaveSettings(msgspec.Struct, kw_only=True, frozen=True):
    """The keys to save; none means all live changes."""

    keys: list[str] = []


class SavedResult(msgspec.Struct, kw_only=True):
    """What was saved."""

    saved: SavedSettings


SHOW_SETTINGS = Operation(
    "config.show",
    "GET /api/config",
    NoArguments,
    ConfigResult,
    "Show every setting with its value and where it came from.",
    examples=("quarterdeck config show",),
)
CHANGE_SETTINGS = Operation(
    "config.change",
    "PATCH /api/config",
    ChangeSettings,
    ChangeResult,
    "Change settings live, all or none.",
    Scope.ADMIN,
    body="changes",
    bounds=BOUNDS,
    command="config set",
    examples=("quarterdeck config set session_pool.max_size=20",),
)
CHECK_SETTINGS = Operation(
    "config.check",
    "POST /api/config/check",
    ChangeSettings,
    Checked,
    "Check whether changes would be accepted; nothing is changed.",
    body="changes",
    bounds=BOUNDS,
    examples=("quarterdeck config check",),
)
SETTINGS_HISTORY = Operation(
    "config.history",
    "GET /api/config/history",
    PageArgs,
    ChangesResult,
    "List the live changes, oldest first.",
    columns=("number", "when", "who", "changes"),
    examples=("quarterdeck config history",),
)
UNDO_SETTINGS = Operation(
    "config.undo",
    "POST /api/config/undo",
    NoArguments,
    ChangeResult,
    "Undo the last live change that is still in force.",
    Scope.ADMIN,
    examples=("quarterdeck config undo",),
)
SAVE_SETTINGS = Operation(
    "config.save",
    "POST /api/config/save",
    SaveSettings,
    SavedResult,
    "Write live changes, all or some, to the settings file.",
    Scope.ADMIN,
    examples=("quarterdeck config save",),
)
