"""Settings: reading and changing them live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.base.errors import BadInput
from engine.operations.declared.config import (
    BOUNDS,
    CHANGE_SETTINGS,
    CHECK_SETTINGS,
    MAX_CHANGES,
    MAX_ENTRIES,
    SAVE_SETTINGS,
    SETTINGS_HISTORY,
    SHOW_SETTINGS,
    UNDO_SETTINGS,
    ChangeResult,
    ChangeSettings,
    ChangesResult,
    Checked,
    ConfigResult,
    SavedResult,
    SavedSettings,
    SaveSettings,
    SettingsChange,
)
from engine.operations.declared.paging import PageArgs
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments


@handles(SHOW_SETTINGS)
async def show(services: Services, _call: CallContext, _args: NoArguments) -> ConfigResult:
    """Every setting, secrets redacted, and where it came from."""
    return ConfigResult(config=dict(services.live.shown), origins=dict(services.live.origins))


@handles(CHANGE_SETTINGS)
async def change(services: Services, call: CallContext, args: ChangeSettings) -> ChangeResult:
    """Apply changes live, all or none. Raises SettingsError, BadInput, LocalOnly for a remote caller."""
    _check_amount(args.changes)
    record = services.live.propose(args.changes, call.who, remote=call.caller.remote)
    return ChangeResult(change=row_as(SettingsChange, record))


@handles(CHECK_SETTINGS)
async def check(services: Services, call: CallContext, args: ChangeSettings) -> Checked:
    """Raises what a change would raise; changes nothing."""
    _check_amount(args.changes)
    services.live.check(args.changes, call.who, remote=call.caller.remote)
    return Checked(ok=True)


@handles(SETTINGS_HISTORY)
async def history(services: Services, _call: CallContext, args: PageArgs) -> ChangesResult:
    """The live changes, oldest first."""
    changes = list(services.live.history)
    return ChangesResult(changes=rows_as(SettingsChange, page_of(args, changes)), total=len(changes))


@handles(UNDO_SETTINGS)
async def undo(services: Services, call: CallContext, _args: NoArguments) -> ChangeResult:
    """Undo the last change in force. Raises BadInput, LocalOnly for a remote caller."""
    record = services.live.undo(call.who, remote=call.caller.remote)
    return ChangeResult(change=row_as(SettingsChange, record))


@handles(SAVE_SETTINGS)
async def save(services: Services, call: CallContext, args: SaveSettings) -> SavedResult:
    """Write live changes to the settings file. Raises BadInput, SettingsError, LocalOnly for a remote caller."""
    saved = services.engine.save_settings(args.keys, remote=call.caller.remote)
    return SavedResult(saved=row_as(SavedSettings, saved))


def _check_amount(changes: Mapping[str, Any]) -> None:
    if not changes:
        raise BadInput("No setting was named.", field="body", remedy='Send {"session_pool.max_size": 20}.')
    if len(changes) > MAX_CHANGES or _entries(changes, MAX_ENTRIES) > MAX_ENTRIES:
        raise BadInput(BOUNDS, field="body", remedy="Send it in parts.")


def _entries(value: Any, limit: int) -> int:
    """Values in nested mappings and lists, counted no further than to above the limit."""
    waiting, count = [value], 0
    while waiting and count <= limit:
        found = waiting.pop()
        below = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        count += len(below)
        waiting += [each for each in below if isinstance(each, dict | list)]
    return count
