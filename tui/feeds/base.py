"""The port to an engine: a stream of snapshot and events to draw, and the few intents that go back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.events.state import Bucket, CauseView
from engine.sessions.transcripts import Page
from tui.model.link import FeedBatch, FeedStatus
from tui.model.notes import Note
from tui.model.settings_sheet import SettingsSheet

RECYCLE_S = 60.0
"""Seconds that a turn gets when its session is recycled or its profile drained."""


class Playback(Protocol):
    """What a feed can do beside, when it plays a recording; times in seconds since 1970."""

    @property
    def position(self) -> float:
        """The moment that is played."""

    @property
    def span(self) -> tuple[float, float]:
        """The first moment and the last."""

    @property
    def playing(self) -> bool:
        """Whether time goes on."""

    @property
    def notes(self) -> Sequence[Note]:
        """What was noted of its moments, in order of time."""

    def note(self, text: str) -> str:
        """Note something of the moment played; the answer says why it cannot be."""

    @property
    def seeks(self) -> int:
        """How often another moment was gone to; each time the transcripts begin anew."""

    @property
    def trends(self) -> tuple[Sequence[Bucket], Sequence[CauseView]]:
        """Buckets and causes of the whole time, oldest first."""

    def seek(self, at: float) -> None:
        """Go to a moment within the span; the next poll brings its state."""

    def play(self, on: bool) -> None:
        """Go on, or stand still."""

    def faster(self, step: int) -> None:
        """The next speed up or down."""

    def find(self, text: str) -> float | None:
        """The moment of the next event that holds `text`, None when there is none."""


class Feed(Protocol):
    """One source of what the console shows. `poll` never blocks; the rest is awaited on the console's loop.

    Intents raise the QuarterdeckError that the engine answered with, NoEngine while the link is down.
    """

    @property
    def status(self) -> FeedStatus:
        """How the link stands now."""

    async def start(self) -> None:
        """Begin; the first `poll` after it may still be empty."""

    async def aclose(self) -> None:
        """End; nothing of it runs on."""

    def poll(self) -> FeedBatch:
        """Take what came since the last call."""

    async def transcript(self, session: str, after: int = 0) -> Page:
        """Entries of a session's transcript from index `after` on."""

    async def prompt(self, prompt: str, *, conversation: str = "", profile: str = "default") -> str:
        """Submit a prompt without waiting for its answer; returns the request's id."""

    async def interrupt(self, session: str) -> bool:
        """End the turn of a session; False when it had none."""

    async def stop(self, session: str, *, kill: bool, request: bool = True) -> None:
        """Stop a session in steps, or kill it at once; without `request` its request goes on in another session."""

    async def recycle(self, session: str) -> None:
        """No new work for a session; it ends with its turn, at the latest after RECYCLE_S seconds."""

    async def hibernate(self, session: str) -> None:
        """Give an idle session's process back; its conversation sleeps until it is gone on with."""

    async def drain_profile(self, profile: str) -> int:
        """Start no more of a profile's sessions, and recycle those that are there; returns their number."""

    async def scale(self, size: int | None) -> None:
        """Keep so many sessions, whatever the load; None follows the load."""

    async def autoscale(self, on: bool) -> None:
        """Follow the load, or stay at the present size."""

    async def answer(self, permission: str, *, allowed: bool, scope: str = "once", message: str = "") -> None:
        """Answer a permission; `scope` is once, conversation or profile."""

    async def answer_group(
        self, group: str, *, allowed: bool, scope: str = "once", message: str = "", expires: str = ""
    ) -> int:
        """Answer all that wait in a group; `expires` as the API takes it. Returns how many there were."""

    async def cancel(self, request: str) -> None:
        """End a request, waiting or running."""

    async def control_breaker(self, breaker: str, act: str) -> None:
        """Open, close, disable or trip a breaker by hand."""

    async def correct(self, error: str, kind: str) -> str:
        """Learn that errors like this one are of that type; the id of the rule."""

    async def settings(self) -> dict[str, Any]:
        """All settings by dotted key, secrets redacted."""

    async def change_settings(self, changes: Mapping[str, Any]) -> None:
        """Change settings live, all or none."""

    async def check_settings(self, changes: Mapping[str, Any]) -> None:
        """Raises what `change_settings` would raise for these values; changes nothing."""

    async def save_settings(self) -> tuple[str, list[str]]:
        """Write all live changes to the settings file: where, and which."""

    async def undo_settings(self) -> None:
        """Take back the last live change that is still in force."""

    async def tuning(self) -> SettingsSheet:
        """All settings with where they came from, and the live changes so far."""
