"""Transcripts: paged, bounded over all sessions."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.sessions.transcripts import MAX_ENTRY, Transcripts


def test_a_reader_goes_on_where_it_was() -> None:
    book = Transcripts(1 << 20)
    for number in range(5):
        book.add("s1", float(number), "assistant", "", f"line {number}")
    first = book.page("s1", 0, limit=3)
    second = book.page("s1", first.next)
    assert [entry.index for entry in first.entries + second.entries] == [0, 1, 2, 3, 4]
    assert book.page("s1", second.next).entries == []
    assert book.page("nobody").entries == []


@given(st.lists(st.tuples(st.sampled_from(["s1", "s2", "s3"]), st.text(max_size=400)), max_size=60))
def test_the_bound_holds_and_what_is_left_is_the_newest(writes: list[tuple[str, str]]) -> None:
    book = Transcripts(2000)
    for number, (session, text) in enumerate(writes):
        book.add(session, float(number), "assistant", "", text)
        assert book.size <= 2000
    for session in ("s1", "s2", "s3"):
        page = book.page(session)
        texts = [text for name, text in writes if name == session]
        assert [entry.text for entry in page.entries] == texts[page.dropped :]


def test_a_huge_entry_is_cut_and_says_so() -> None:
    book = Transcripts(1 << 20)
    book.add("s1", 0.0, "result", "", "x" * (MAX_ENTRY + 7))
    assert book.page("s1").entries[0].text.endswith("7 characters more")


def test_a_forgotten_session_gives_its_room_back() -> None:
    book = Transcripts(1 << 20)
    book.add("s1", 0.0, "user", "", "hello")
    book.forget("s1")
    assert book.size == 0


def test_the_input_of_a_tool_is_kept_without_its_secrets() -> None:
    book = Transcripts(1 << 20)
    book.add("s1", 0.0, "tool", "Bash", "", detail='{"command":"PASSWORD=ab!cd@ef make","token":"abcdefgh12"}')
    assert book.page("s1").entries[0].detail == '{"command":"PASSWORD=‹secret› make","token":"‹secret›"}'
