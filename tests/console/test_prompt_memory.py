"""What was typed as a prompt: pastes that no text can imitate, and a way through the history that loses nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.model.prompt_memory import (
    CLOSE,
    EDITABLE,
    FOLDED,
    KEPT_CHARACTERS,
    OPEN,
    PROMPTS_KEPT,
    WORD,
    Pastes,
    PromptMemory,
    Recall,
)

LONG = "x" * FOLDED


@given(st.lists(st.text(max_size=3 * FOLDED), max_size=4), st.text(max_size=50))
def test_what_is_shown_unfolds_to_what_was_pasted(texts: list[str], between: str) -> None:
    pastes = Pastes()
    shown = pastes.folded(between).join(pastes.folded(text) for text in texts)
    assert pastes.unfolded(shown) == between.join(texts)


def test_a_text_that_looks_like_a_word_for_a_paste_is_a_text() -> None:
    pastes = Pastes()
    word = pastes.folded(LONG)
    for imitation in (word.replace(OPEN, "[").replace(CLOSE, "]"), word, OPEN, f"a{CLOSE}"):
        assert pastes.unfolded(pastes.folded(imitation)) == imitation


def test_lines_are_counted_as_a_person_counts_them() -> None:
    pastes = Pastes()
    assert "paste 1: 1 line," in pastes.folded(LONG + "\n")
    assert "paste 2: 2 lines," in pastes.folded(LONG + "\nb")
    assert pastes.folded(LONG + "\nb") == pastes.folded(LONG + "\nb")


@given(st.text("ab\n", max_size=40), st.text("ab\n", max_size=40))
def test_what_comes_back_from_the_editor_is_shown_as_it_is_and_keeps_its_pastes(before: str, after: str) -> None:
    pastes = Pastes()
    shown = f"read {pastes.folded(LONG)} and {pastes.folded('y' * FOLDED)} well"
    edited = f"{before}{LONG}{after}"
    back = pastes.refolded(edited, shown)
    assert pastes.unfolded(back) == edited
    assert len(WORD.findall(back)) == 1
    whole = "word " * FOLDED
    assert pastes.refolded(whole, shown) == whole
    assert pastes.unfolded(pastes.refolded("z" * EDITABLE, "")) == "z" * EDITABLE


def test_memory_is_bounded_by_number_and_by_size_and_keeps_the_newest() -> None:
    memory = PromptMemory()
    for number in range(3 * PROMPTS_KEPT):
        memory.close(f"target {number}", "draft", [f"prompt {number}"])
    assert (len(memory.sent), len(memory.drafts)) == (PROMPTS_KEPT, PROMPTS_KEPT)
    assert memory.sent[-1] == f"prompt {3 * PROMPTS_KEPT - 1}"
    for number in range(5):
        text = str(number) * (KEPT_CHARACTERS // 3)
        word = memory.pastes.folded(text)
        memory.close("a", word, [word])
    assert len(memory.sent) == 2
    assert memory.pastes.unfolded(memory.drafts["a"]) == text
    assert len(memory.pastes._texts) == 2
    huge = memory.pastes.folded("h" * (KEPT_CHARACTERS + 1))
    memory.close("b", huge, [huge])
    assert memory.sent == [huge]
    assert list(memory.drafts) == ["b"]


def test_what_is_changed_on_the_way_is_there_when_it_is_passed_again() -> None:
    recall = Recall(["first", "second"], "typed")
    assert recall.step("typed", 1) is None
    assert recall.step("typed", -1) == "second"
    assert recall.step("second, changed", -1) == "first"
    assert recall.step("first", -1) is None
    assert recall.step("first", 1) == "second, changed"
    assert recall.step("second, changed", 1) == "typed"


def test_leaving_and_sending_lose_nothing_that_was_typed() -> None:
    def on_first() -> Recall:
        recall = Recall(["first", "second"], "typed")
        recall.step("typed", -1)
        recall.step("second, changed", -1)
        return recall

    assert on_first().left("first") == ("typed", ["second, changed"])
    assert on_first().left("first too") == ("first too", ["second, changed", "typed"])
    assert on_first().sent("first too") == ("typed", ["second, changed"])
    assert Recall(["first"], "typed").sent("typed more") == ("", [])
