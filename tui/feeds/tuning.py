"""The settings of a feed's engine as tuning shows them."""

from __future__ import annotations

from engine.operations.declared.config import SETTINGS_HISTORY, SHOW_SETTINGS
from engine.operations.declared.paging import LONGEST_PAGE, PageArgs
from engine.operations.operation import NoArguments
from tui.feeds.base import Feed
from tui.model.settings_sheet import SettingChange, SettingsSheet


async def settings_sheet(feed: Feed) -> SettingsSheet:
    """Settings, origins and changes; of a recording those that changed in it. Raises a QuarterdeckError."""
    config = await feed.send(SHOW_SETTINGS, NoArguments())
    history = await feed.send(SETTINGS_HISTORY, PageArgs(limit=LONGEST_PAGE))
    changes = [SettingChange(one.number, one.who, one.when, one.changes, one.undoes) for one in history.changes]
    return SettingsSheet(config.config, config.origins, changes)
