"""The port to an engine: a stream of snapshot and events to draw, and the operations that go back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from engine.events.state import Bucket, CauseView
from engine.sessions.transcripts import Page
from tui.model.link import FeedBatch, FeedStatus
from tui.model.notes import Note

if TYPE_CHECKING:
    from engine.operations.operation import A, Operation, R


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
        """Note something of the moment played; the answer states why it cannot be."""

    @property
    def seeks(self) -> int:
        """How often another moment was opened; each time the transcripts begin again."""

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

    An operation raises the QuarterdeckError that the engine answered with, NoEngine while the link is down.
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

    async def transcript(
        self, session: str, after: int = 0, *, last: int = 0, part: int = 0, part_from: int = 0
    ) -> Page:
        """Entries of a session's transcript from index `after` on, or the `last` ones where those are later.

        Of what is being written comes only what follows character `part_from` of block number `part`.
        """

    async def send(self, operation: Operation[A, R], args: A) -> R:
        """Execute an operation on the engine; its result. Prompts are sent with `wait: false`."""
