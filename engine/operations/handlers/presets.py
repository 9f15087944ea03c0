"""Presets: named sets of settings."""

from __future__ import annotations

from typing import Any

from engine.base.errors import BadInput
from engine.operations.declared.config import SettingsChange
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.presets import (
    APPLY_PRESET,
    DELETE_PRESET,
    LIST_PRESETS,
    SAVE_PRESET,
    SHOW_PRESET,
    PresetApplied,
    PresetDeleted,
    PresetDetail,
    PresetName,
    PresetResult,
    PresetRow,
    PresetsResult,
    PresetValue,
    SavePreset,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as
from engine.operations.handlers.services import Services
from engine.settings.presets import Preset, PresetFile

FILE = "presets.json"
"""In the state directory."""


@handles(LIST_PRESETS)
async def list_presets(services: Services, _call: CallContext, args: PageArgs) -> PresetsResult:
    """By name. Raises SettingsError for a file that cannot be read."""
    rows = [
        PresetRow(name=name, by=each.by, at=each.at, settings=len(each.values), differs=len(_differing(services, each)))
        for name, each in _file(services).all().items()
    ]
    return PresetsResult(presets=list(page_of(args, rows)), total=len(rows))


@handles(SHOW_PRESET)
async def show(services: Services, _call: CallContext, args: PresetName) -> PresetResult:
    """Its values beside those in force. Raises NotFound, SettingsError."""
    return PresetResult(preset=_detail(services, args.name, _file(services).find(args.name)))


@handles(SAVE_PRESET)
async def save(services: Services, call: CallContext, args: SavePreset) -> PresetResult:
    """Keep the values in force. Raises BadInput, SettingsError."""
    shown = services.live.shown
    keys = args.keys or sorted({key for change in services.live.history for key in change.changes if key in shown})
    if unknown := [key for key in keys if key not in shown]:
        raise BadInput(
            f"{unknown[0]}: no such setting.", field="keys", remedy="`quarterdeck config schema` lists them."
        )
    preset = Preset({key: shown[key] for key in keys}, call.who, services.clock.wall())
    _file(services).save(args.name, preset)
    return PresetResult(preset=_detail(services, args.name, preset))


@handles(APPLY_PRESET)
async def apply(services: Services, call: CallContext, args: PresetName) -> PresetApplied:
    """As one change, where anything differs. Raises NotFound, SettingsError, LocalOnly for a remote caller."""
    differing = _differing(services, _file(services).find(args.name))
    if not differing:
        return PresetApplied(change=None)
    record = services.live.propose(differing, call.who, remote=call.caller.remote)
    return PresetApplied(change=row_as(SettingsChange, record))


@handles(DELETE_PRESET)
async def delete(services: Services, _call: CallContext, args: PresetName) -> PresetDeleted:
    """Forget it. Raises NotFound, SettingsError."""
    _file(services).remove(args.name)
    return PresetDeleted(deleted=args.name)


def _file(services: Services) -> PresetFile:
    return PresetFile(services.settings.engine.state_dir / FILE)


def _differing(services: Services, preset: Preset) -> dict[str, Any]:
    """The values that are not in force; a setting that is no more differs, and is refused when it is applied."""
    shown = services.live.shown
    return {key: value for key, value in preset.values.items() if key not in shown or shown[key] != value}


def _detail(services: Services, name: str, preset: Preset) -> PresetDetail:
    differing, shown = _differing(services, preset), services.live.shown
    values = [
        PresetValue(key=key, value=value, live=shown.get(key), differs=key in differing)
        for key, value in preset.values.items()
    ]
    ordered = sorted(values, key=lambda each: (not each.differs, each.key))
    return PresetDetail(name=name, by=preset.by, at=preset.at, values=ordered)
