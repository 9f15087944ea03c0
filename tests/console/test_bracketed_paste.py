"""A paste from the terminal: one piece wherever the line cuts it, and at once however long it is."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st
from textual import events

from tui.terminal.bracketed_paste import BEGIN, END, LONGEST, BracketedPastes, Pasted
from tui.terminal.driver import _Typed

TEXTS = st.text("ab\x1b[2017~\n漢", max_size=30).filter(lambda text: END not in text and BEGIN not in text)


def gathered(parts: list[str | Pasted]) -> list[str | Pasted]:
    """Neighbouring pieces of what was typed are one."""
    made: list[str | Pasted] = []
    for part in parts:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        else:
            made.append(part)
    return made


@given(TEXTS, st.integers(1, 40))
def test_a_paste_is_one_piece_wherever_the_line_cuts_it(text: str, size: int) -> None:
    sent = f"ab{BEGIN}{text}{END}cd"
    pastes = BracketedPastes()
    # A bracket that is cut in its first three characters is left to Textual.
    first = max(size, 2 + len(BEGIN))
    cuts = [sent[:first], *(sent[at : at + size] for at in range(first, len(sent), size))]
    parts = gathered([part for cut in cuts for part in pastes.feed(cut)])
    assert parts == ["ab", Pasted(text.replace("\x00", "")), "cd"]


def test_a_key_is_not_held_and_a_begun_bracket_is_given_after_a_moment() -> None:
    pastes = BracketedPastes()
    assert pastes.feed("\x1b") == ["\x1b"]
    assert pastes.feed("\x1b[A\x1b[2") == ["\x1b[A"]
    assert (pastes.holds, pastes.idle(), pastes.idle()) == (True, "\x1b[2", "")


def test_a_paste_without_an_end_is_bounded() -> None:
    pastes = BracketedPastes()
    parts = pastes.feed(BEGIN + "x" * (LONGEST + 1))
    assert [len(part.text) for part in parts if isinstance(part, Pasted)] == [LONGEST + 1]
    assert pastes.feed("y" + END) == [Pasted("y")]


def test_a_paste_of_five_megabytes_is_read_at_once() -> None:
    typed, text = _Typed(debug=False), "a line of text\n" * 350_000
    sent, began = f"a{BEGIN}{text}{END}b", time.process_time()
    made = [event for at in range(0, len(sent), 4096) for event in typed.feed(sent[at : at + 4096])]
    assert time.process_time() - began < 1.0
    assert [type(event) for event in made] == [events.Key, events.Paste, events.Key]
    assert isinstance(made[1], events.Paste)
    assert made[1].text == text
