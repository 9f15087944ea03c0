"""Notes beside a recording."""

from __future__ import annotations

import json

from click.testing import CliRunner

from engine.base.clock import ManualClock
from engine.events.recording import Recording
from tests.console import scene
from tests.support.console import FakeFeed, console_fixture
from tui.cli.main import quarterdeck
from tui.feeds.recorded import RecordedFeed
from tui.model.notes import MAX_BYTES, MAX_NOTES, MAX_TEXT, Notes


async def test_a_note_is_kept_beside_the_recording_and_is_a_mark_on_the_bar(recording: Recording) -> None:
    clock = ManualClock(50.0)
    path = recording.paths[0].with_name("e1.notes.jsonl")
    async with console_fixture(RecordedFeed(recording, clock), clock) as console:  # type: ignore[arg-type]
        await console.press("space")
        console.app.time_travel.go_to_text("13:50")
        await console.settle()
        await console.press("n")
        assert "NOTE AT 13:50:00" in console.text
        await console.type("here it begins")
        await console.press("enter")
        assert path.stat().st_mode & 0o777 == 0o600
        console.app.time_travel.go_to_text("13:00")
        await console.settle()
        await console.press("colon")
        await console.type("note an hour before")
        await console.press("enter")
        await console.settle()
        assert console.lines[-2].count("n") >= 2
        console.app.time_travel.go_to_text("13:59")
        await console.settle()
        while console.app.store.now > scene.NOW - 751:
            await console.press("left_square_bracket")
        assert console.told[-1] == "13:50:00  here it begins"
    again = RecordedFeed(Recording(recording.paths[0]), clock)
    assert [note.text for note in again.notes] == ["an hour before", "here it begins"]
    told = CliRunner().invoke(quarterdeck, ["replay", str(recording.paths[0]), "--json"])
    assert [note["text"] for note in json.loads(told.output)["notes"]] == ["an hour before", "here it begins"]


async def test_live_there_is_nothing_to_note(feed: FakeFeed, clock: ManualClock) -> None:
    async with console_fixture(feed, clock) as console:
        await console.press("n")
        assert "beside a recording" in console.told[-1]


def test_notes_are_bounded_and_a_bad_file_is_left_alone(recording: Recording) -> None:
    notes = Notes(recording.paths)
    notes.path.write_bytes(b'no note\n{"at":"x"}\n{"at":1.0,"written":2.0,"text":"\\u001b[31mred"}\n')
    assert [note.text for note in Notes(recording.paths).notes] == ["·[31mred"]
    for number in range(MAX_NOTES):
        assert notes.add(float(number), "x" * 999) == ""
    assert all(len(note.text) == MAX_TEXT for note in notes.notes)
    assert "and no more" in notes.add(1.0, "one more")
    notes.path.write_bytes(b" " * (MAX_BYTES + 1))
    large = Notes(recording.paths)
    assert (large.notes, "is larger than" in large.add(1.0, "x")) == ([], True)
    notes.path.unlink()
    notes.path.mkdir()
    assert "cannot be written: Is a directory" in Notes(recording.paths).add(1.0, "x")
