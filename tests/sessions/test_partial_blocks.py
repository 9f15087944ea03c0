"""What is being written, from the wire to the transcript: blocks open, grow, end, and are dropped."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.clock import ManualClock
from engine.events import types as ev
from engine.events.bus import Bus
from engine.sessions import protocol_events as f
from engine.sessions.live_output import STALL_S, LiveOutput
from engine.sessions.transcripts import MAX_ENTRY, Transcripts
from engine.sessions.turn_meter import PERIOD_S, TurnMeter
from tests.sessions import wire
from tests.support.virtual_time import pass_seconds, run_virtually

TEXT = {"type": "text", "text": ""}
RETRY = wire.line({"type": "system", "subtype": "api_retry", "attempt": 1, "error": "overloaded"})


def block(kind: dict[str, str], index: int = 0) -> bytes:
    return wire.event("content_block_start", index=index, content_block=kind)


def partial(facts: list[f.Fact]) -> list[f.Fact]:
    return [fact for fact in facts if isinstance(fact, f.BlockOpened | f.BlockGrew | f.BlockClosed)]


@pytest.mark.parametrize(
    ("kind", "delta", "opened"),
    [
        (TEXT, {"type": "text_delta", "text": "Hel"}, f.BlockOpened("assistant", "")),
        (
            {"type": "thinking", "thinking": ""},
            {"type": "thinking_delta", "thinking": "Hel"},
            f.BlockOpened("think", ""),
        ),
        (
            {"type": "tool_use", "name": "Bash", "id": "t1", "input": {}},
            {"type": "input_json_delta", "partial_json": "Hel"},
            f.BlockOpened("tool", "Bash"),
        ),
    ],
)
def test_each_kind_of_block_is_followed_while_it_is_written(
    kind: dict[str, str], delta: object, opened: f.Fact
) -> None:
    machine = wire.machine()
    machine.begin("hi")
    facts = machine.feed(
        wire.event("message_start", message={})
        + block(kind)
        + wire.event("content_block_delta", index=0, delta=delta)
        + wire.event("content_block_stop", index=0)
    )
    assert partial(facts) == [opened, f.BlockGrew("Hel"), f.BlockClosed()]


def test_a_finished_message_takes_the_place_of_what_was_being_written() -> None:
    machine = wire.machine()
    machine.begin("hi")
    line = wire.line({"type": "assistant", "uuid": "m1", "message": {"content": [{"type": "text", "text": "Hel"}]}})
    facts = machine.feed(block(TEXT) + wire.delta("Hel") + line)
    closed = facts.index(f.BlockClosed())
    assert facts[closed + 1] == f.MessageReceived("assistant", "", "Hel", ref="m1")


@pytest.mark.parametrize(
    ("cause", "words"), [(RETRY, "overloaded"), (wire.event("message_start", message={}), "broke")]
)
def test_what_will_be_written_again_is_dropped_and_the_transcript_says_so(cause: bytes, words: str) -> None:
    machine = wire.machine()
    machine.begin("hi")
    facts = machine.feed(block(TEXT) + wire.delta("Hello") + cause)
    assert f.BlockClosed() in facts
    (note,) = [fact for fact in facts if isinstance(fact, f.MessageReceived)]
    assert note.kind == "note"
    assert words in note.text
    assert "5 characters" in note.text


def test_nothing_is_said_of_a_retry_before_anything_was_written() -> None:
    machine = wire.machine()
    machine.begin("hi")
    assert not [fact for fact in machine.feed(RETRY) if isinstance(fact, f.MessageReceived | f.BlockClosed)]


def interrupted(uuid: str) -> bytes:
    return wire.result(uuid, subtype="error_during_execution", is_error=True, terminal_reason="aborted_streaming")


ENDS = [
    (interrupted("u1"), True, "interrupted"),
    (wire.result("u1"), False, "the turn ended"),
    (wire.line({"type": "command_lifecycle", "command_uuid": "u1", "state": "cancelled"}), False, "cancelled"),
    (b'{"type":"result","user_message_uuids":["u1"],"is_error":false,"result":"' + b"\xff" * 9 + b"\n", False, "read"),
]


@pytest.mark.parametrize(("end", "by_us", "why"), ENDS)
def test_a_block_ends_with_its_turn_and_no_later_one_is_told_of_it(end: bytes, by_us: bool, why: str) -> None:
    machine = wire.machine()
    machine.begin("hi")
    machine.feed(block(TEXT) + wire.delta("Hello"))
    if by_us:
        machine.interrupt()
    facts = machine.feed(end)
    (closed,) = [fact for fact in facts if isinstance(fact, f.BlockClosed)]
    assert why in closed.lost
    over = next(
        at for at, fact in enumerate(facts) if isinstance(fact, f.TurnFinished | f.TurnCancelled | f.TurnUnreadable)
    )
    assert facts.index(closed) < over
    assert machine.turn is None
    machine.begin("again")
    later = machine.feed(wire.event("message_start", message={}) + RETRY)
    assert not [fact for fact in later if isinstance(fact, f.MessageReceived | f.BlockClosed)]


def test_nothing_is_open_any_more_when_the_process_is_gone() -> None:
    machine = wire.machine()
    machine.begin("hi")
    machine.feed(block(TEXT) + wire.delta("Hello"))
    machine.abandon()
    assert not machine.feed(RETRY + wire.event("message_start", message={}))[1:]


class Written:
    """One session's output on a clock that is the loop's."""

    def __init__(self) -> None:
        self.clock, self.book = ManualClock(), Transcripts(1 << 20)
        bus = Bus(self.clock)
        self.rates: list[float] = []
        bus.listen(lambda each: self.rates.append(each.event.rate) if isinstance(each.event, ev.TurnProgress) else None)
        self.output = LiveOutput("s1", self.book, bus, self.clock)

    async def write(self, pieces: int) -> None:
        """Ten pieces a second."""
        for _ in range(pieces):
            await self.wait(0.1)
            self.output.take(f.BlockGrew("word "))

    async def wait(self, seconds: float) -> None:
        """Let this time pass."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until - 0.05:
            self.clock.advance(0.1)
            await pass_seconds(0.1)


def test_who_stops_writing_has_no_rate_any_more() -> None:
    async def work() -> list[float]:
        written = Written()
        written.output.take(f.BlockOpened("assistant", ""))
        await written.write(25)
        assert written.rates[-1] > 0
        await written.wait(3 * STALL_S)
        stalled = list(written.rates)
        assert stalled[-1] == 0
        await written.wait(5 * STALL_S)
        assert written.rates == stalled  # and it is not reported again
        await written.write(15)
        assert written.rates[-1] > 0
        written.output.take(f.BlockClosed())
        return written.rates

    rates = run_virtually(work())
    assert rates[-1] == 0
    assert len(asyncio.run(_timers())) == 0


async def _timers() -> list[object]:
    """The timers that a closed block leaves behind."""
    written = Written()
    written.output.take(f.BlockOpened("assistant", ""))
    written.output.end()
    loop = asyncio.get_running_loop()
    return [each for each in getattr(loop, "_scheduled", ()) if not each.cancelled()]


@pytest.mark.parametrize("kind", ["assistant", "think", "tool"])
async def test_what_was_lost_with_its_turn_is_kept_with_the_reason(kind: str) -> None:
    written = Written()
    written.output.take(f.BlockOpened(kind, "Bash" if kind == "tool" else ""))
    written.output.take(f.BlockGrew("half a sen"))
    written.output.take(f.BlockClosed("the turn was interrupted here"))
    (entry,) = written.book.page("s1").entries
    assert (entry.kind, entry.text) == (kind, "half a sen\n… the turn was interrupted here")
    assert written.book.page("s1").part is None


def test_the_words_of_a_subagent_are_not_mixed_into_the_main_agents() -> None:
    machine = wire.machine()
    machine.begin("hi")
    facts = machine.feed(
        wire.line(
            {
                "type": "stream_event",
                "parent_tool_use_id": "t1",
                "event": {"type": "content_block_start", "content_block": TEXT},
            }
        )
    )
    assert not facts


def test_a_reader_gets_what_it_does_not_have_however_slow_it_is() -> None:
    book = Transcripts(1 << 20)
    book.open_part("s1", 1.0, "assistant", "")
    book.grow_part("s1", "Hello ")
    first = book.page("s1").part
    assert first is not None
    assert (first.start, first.text) == (0, "Hello ")
    for piece in ("wide ", "world"):
        book.grow_part("s1", piece)
    second = book.page("s1", part=first.number, part_from=6).part
    assert second is not None
    assert (second.start, second.text) == (6, "wide world")
    book.open_part("s1", 2.0, "think", "")
    other = book.page("s1", part=first.number, part_from=16).part
    assert other is not None
    assert (other.number, other.start, other.text) == (2, 0, "")
    book.close_part("s1")
    assert book.page("s1").part is None


def test_only_the_page_that_reaches_the_end_shows_what_is_being_written() -> None:
    book = Transcripts(1 << 20)
    for number in range(3):
        book.add("s1", float(number), "note", "", str(number))
    book.open_part("s1", 4.0, "assistant", "")
    assert book.page("s1", 0, limit=2).part is None
    assert book.page("s1", 2, limit=2).part is not None


@given(st.lists(st.tuples(st.sampled_from("ogca"), st.sampled_from(["s1", "s2"]), st.integers(0, 700)), max_size=60))
def test_the_bound_counts_what_is_being_written(steps: list[tuple[str, str, int]]) -> None:
    book = Transcripts(1500)
    for act, session, size in steps:
        match act:
            case "o":
                book.open_part(session, 0.0, "assistant", "")
            case "g":
                book.grow_part(session, "x" * size)
            case "c":
                book.close_part(session)
            case _:
                book.add(session, 0.0, "note", "", "y" * size)
        assert 0 <= book.size <= 1500
    for session in ("s1", "s2"):
        book.forget(session)
    assert book.size == 0


def test_a_huge_block_is_kept_to_the_length_of_an_entry() -> None:
    book = Transcripts(1 << 24)
    book.open_part("s1", 0.0, "assistant", "")
    for _ in range(20):
        book.grow_part("s1", "x" * (MAX_ENTRY // 10))
    part = book.page("s1").part
    assert part is not None
    assert len(part.text) == MAX_ENTRY


@given(st.text(alphabet="ab \n", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_words_are_counted_whatever_the_pieces(text: str, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    meter = TurnMeter()
    for first, last in itertools.pairwise(edges):
        assert meter.wrote(text[first:last], 0.0) is None
    progress = meter.wrote("", PERIOD_S)
    assert progress is not None
    assert progress.words == len(text.split())


def test_progress_is_reported_once_a_second_with_the_rate_since_the_last_time() -> None:
    meter = TurnMeter()
    meter.begin(10.0)
    reports = [meter.wrote("word" * 5 + " ", 10.0 + step / 10) for step in range(1, 31)]
    given = [report for report in reports if report is not None]
    assert [report.seconds for report in given] == [pytest.approx(n) for n in (1.0, 2.0, 3.0)]
    assert given[1].rate == pytest.approx(21 * 10 / 4, rel=0.1)
    assert given[2].words == 30
