"""What Tuning shows of an engine: its settings, where each comes from, and the changes made live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A live change: who, when (seconds since 1970), key → [old, new]; `undoes` is the number of one it took back."""

    number: int
    who: str
    when: float
    changes: Mapping[str, Sequence[Any]]
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class SettingsSheet:
    """What tuning shows: settings by dotted key with secrets redacted, their origins, the changes, oldest first."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    changes: Sequence[SettingChange]
