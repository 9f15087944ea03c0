"""The API that the sessions of a drill call, and how its faults are laid on: the offline model, or the simulator's."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from engine.offline_model.server import OfflineModel, known_fault

_CUT = "net_rst_before"


class Api(Protocol):
    """Faults over a share of all calls, one kind at a time."""

    def fault(self, name: str, share: float) -> None:
        """This share of calls fails from now on."""

    def slow(self, seconds: float, share: float) -> None:
        """This share of calls waits for its first byte from now on."""

    async def cut(self) -> None:
        """Nobody listens any more."""

    async def heal(self) -> None:
        """Everything works again."""

    def calls(self) -> list[float]:
        """When it was called, in seconds since 1970; nothing where it is not one server that could count."""


class SimulatedApi:
    """A file that every simulator of the drill reads before each call."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def fault(self, name: str, share: float) -> None:
        """This share of calls fails from now on."""
        self._write(f"{known_fault(name).name} 0 {share:g}")

    def slow(self, seconds: float, share: float) -> None:
        """This share of calls waits from now on."""
        self._write(f"- {seconds:g} {share:g}")

    async def cut(self) -> None:
        """Every call is reset before its first byte."""
        self.fault(_CUT, 1.0)

    async def heal(self) -> None:
        """Everything works again."""
        self._file.unlink(missing_ok=True)

    def calls(self) -> list[float]:
        """Nothing: every simulator has an API of its own."""
        return []

    def _write(self, text: str) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self._file)


class OfflineApi:
    """The offline model that the real CLI calls; its listener closes and opens again on the same port."""

    def __init__(self, model: OfflineModel, calls: list[float]) -> None:
        self._model = model
        self._calls = calls
        self._listening = True

    def fault(self, name: str, share: float) -> None:
        """This share of calls fails from now on."""
        self._model.fault_all(name, share=share)

    def slow(self, seconds: float, share: float) -> None:
        """This share of calls waits from now on."""
        self._model.slow_all(seconds, share)

    async def cut(self) -> None:
        """Close the listener and every connection."""
        self._listening = False
        await self._model.aclose()

    async def heal(self) -> None:
        """Everything works again."""
        self._model.clear_faults()
        if not self._listening:
            await self._model.start()
            self._listening = True

    def calls(self) -> list[float]:
        """Each call for a message."""
        return self._calls
