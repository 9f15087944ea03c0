"""How the console is linked to an engine, and what it brings: the state of the link and one batch of facts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.events.state import State
from engine.events.types import EventEnvelope


class LinkState(StrEnum):
    """How the feed stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """The connection for the health line; `retry_in` in seconds, `detail` states what is wrong. `round_trip`
    is how long the engine's last answer to a ping took in seconds, 0 where none is known.

    Of a replay: `at` is the moment played, in seconds since 1970, and `missing` states what could not be read.
    """

    link: LinkState
    source: str
    detail: str = ""
    attempt: int = 0
    retry_in: float = 0.0
    at: float = 0.0
    missing: str = ""
    round_trip: float = 0.0


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """What came since the last poll: a whole state after a start or a gap, then events in order."""

    state: State | None
    events: list[EventEnvelope]
