"""Named sets of settings, kept in one file across engines."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.base.errors import BadInput, NotFound, SettingsError
from engine.base.files import private_folder, size_of, write_private
from engine.settings.saving import is_secret

MOST = 100
"""Presets that are kept."""
MAX_SETTINGS = 200
"""Settings of one preset."""
MAX_BYTES = 4 * 1024**2
"""Bytes of the file."""
_REMEDY = "Correct the file, or delete it."


class Preset(msgspec.Struct, frozen=True):
    """Values by dotted key; who saved them, and when in seconds since 1970."""

    values: dict[str, Any]
    by: str
    at: float


class PresetFile:
    """Owner of the file of presets, which is read at each use; of two engines that write at once the later one wins."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> dict[str, Preset]:
        """Every preset by its name, in order of the names. Raises SettingsError for a file that cannot be read."""
        try:
            if size_of(self._path) > MAX_BYTES:
                raise SettingsError([f"{self._path} is over {MAX_BYTES >> 20} MiB."], remedy=_REMEDY)
            found = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Preset])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError(
                [f"{self._path} holds no presets that can be read: {error}."], remedy=_REMEDY
            ) from error
        return dict(sorted(found.items()))

    def find(self, name: str) -> Preset:
        """One by its name. Raises NotFound, SettingsError."""
        known = self.all()
        if name not in known:
            there = f"There is {', '.join(list(known)[:8])}." if known else "`quarterdeck presets save NAME` makes one."
            raise NotFound(f"There is no preset {name}.", field="name", remedy=there)
        return known[name]

    def save(self, name: str, preset: Preset) -> None:
        """Keep a preset, in place of one of the same name. Raises BadInput, SettingsError."""
        known = self.all()
        if not preset.values:
            raise BadInput(
                "A preset without settings changes nothing.", field="values", remedy="Change a setting first."
            )
        if len(preset.values) > MAX_SETTINGS:
            raise BadInput(f"A preset has at most {MAX_SETTINGS} settings.", field="values", remedy="Save fewer.")
        if secrets := [key for key in preset.values if is_secret(key)]:
            remedy = "Put it into the environment, or into .env."
            raise BadInput(f"{secrets[0]} is a secret, which is in no preset.", field="values", remedy=remedy)
        if name not in known and len(known) >= MOST:
            raise BadInput(f"There are {MOST} presets already.", field="name", remedy="Delete one first.")
        self._write({**known, name: preset})

    def remove(self, name: str) -> None:
        """Forget a preset. Raises NotFound, SettingsError."""
        self.find(name)
        self._write({each: preset for each, preset in self.all().items() if each != name})

    def _write(self, presets: Mapping[str, Preset]) -> None:
        try:
            private_folder(self._path.parent)
            write_private(self._path, msgspec.json.format(msgspec.json.encode(presets), indent=2))
        except OSError as error:
            raise SettingsError([f"{self._path} cannot be written: {error.strerror}."], remedy=_REMEDY) from error
