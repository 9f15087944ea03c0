"""Presets: named sets of settings, saved, compared with what is in force, and applied as one change."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from engine.base.caller import Scope
from engine.operations.declared.config import SettingsChange
from engine.operations.declared.paging import PageArgs
from engine.operations.operation import Operation

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""Small letters, digits, `_` and `-`."""


class PresetRow(msgspec.Struct, kw_only=True):
    """One preset: who saved it and when (seconds since 1970), how many settings it has and how many differ now."""

    name: str
    by: str
    at: float
    settings: int
    differs: int


class PresetsResult(msgspec.Struct, kw_only=True):
    """A page of the presets by name, of `total`."""

    presets: list[PresetRow]
    total: int


class PresetName(msgspec.Struct, kw_only=True, frozen=True):
    """One preset."""

    name: Name


class SavePreset(msgspec.Struct, kw_only=True, frozen=True):
    """The name, and the keys whose values in force are kept; none means all that were changed live."""

    name: Name
    keys: Annotated[list[str], msgspec.Meta(max_length=200)] = []


class PresetValue(msgspec.Struct, kw_only=True):
    """One setting of a preset beside its value in force."""

    key: str
    value: Any
    live: Any
    differs: bool


class PresetDetail(msgspec.Struct, kw_only=True):
    """One preset with all of its settings; those that differ first."""

    name: str
    by: str
    at: float
    values: list[PresetValue]


class PresetResult(msgspec.Struct, kw_only=True):
    """One preset."""

    preset: PresetDetail


class PresetApplied(msgspec.Struct, kw_only=True):
    """The change as history keeps it; none where every value was in force already."""

    change: SettingsChange | None


class PresetDeleted(msgspec.Struct, kw_only=True):
    """The preset that was deleted."""

    deleted: str


LIST_PRESETS = Operation(
    "presets.list",
    "GET /api/presets",
    PageArgs,
    PresetsResult,
    "List the presets of settings, and how many of their values differ from those in force.",
    columns=("name", "settings", "differs", "by", "at"),
    examples=("quarterdeck presets",),
)
SHOW_PRESET = Operation(
    "presets.show",
    "GET /api/presets/{name}",
    PresetName,
    PresetResult,
    "Compare a preset with the settings in force.",
    examples=("quarterdeck presets show night",),
)
SAVE_PRESET = Operation(
    "presets.save",
    "PUT /api/presets/{name}",
    SavePreset,
    PresetResult,
    "Save the values in force of some settings, or of all that were changed live, under a name.",
    Scope.ADMIN,
    examples=("quarterdeck presets save night",),
)
APPLY_PRESET = Operation(
    "presets.apply",
    "POST /api/presets/{name}/apply",
    PresetName,
    PresetApplied,
    "Apply the settings of a preset as one change, which `config undo` takes back.",
    Scope.ADMIN,
    examples=("quarterdeck presets apply night",),
)
DELETE_PRESET = Operation(
    "presets.delete",
    "DELETE /api/presets/{name}",
    PresetName,
    PresetDeleted,
    "Delete a preset; the settings in force stay.",
    Scope.ADMIN,
    confirm="Delete preset {name}?",
    sentence="{name}: deleted.",
    examples=("quarterdeck presets delete night",),
)
