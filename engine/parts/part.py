"""What the engine is made of: parts that open, follow changes of the settings, stop their work and close."""

from __future__ import annotations

from engine.settings.schema import Settings


class Part:
    """One part of the engine; it owns what it builds. Each step is optional."""

    name = ""
    """As a refused change of the settings names it; empty for a part that follows none."""

    async def open(self) -> None:
        """Open files and start helpers. Raises a QuarterdeckError; what was opened before is closed again."""

    def configure(self, before: Settings, after: Settings) -> None:
        """Apply a change of the settings. Raises SettingsError, and has changed nothing then."""

    async def stop(self, *, at_once: bool) -> None:
        """End the work, politely or at once; the part's files stay open."""

    async def aclose(self) -> None:
        """Close what `open` opened."""
