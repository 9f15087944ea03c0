"""The script language, without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.offline_model.script import answer, deltas, digest, duration, is_injected, read_script


def said(prompt: str, *, tool_said: str | None = None, seed: int = 0) -> str:
    return answer(read_script(prompt), prompts=[prompt], tool_said=tool_said, seed=seed)


def test_a_plain_prompt_is_echoed() -> None:
    assert said("hello there") == "Echo: hello there"
    assert said("x" * 500) == "Echo: " + "x" * 200


def test_directives_are_left_out_of_the_echo() -> None:
    assert said("good [[pace: 20ms]] day") == "Echo: good  day"


def test_durations_have_units() -> None:
    script = read_script("[[delay: 0.2s]] [[pace: 20ms]]")
    assert (script.delay, script.pace) == (0.2, 0.02)
    assert [duration(text) for text in ("1m", "3", "1500ms")] == [60.0, 3.0, 1.5]


def test_a_tool_may_hold_brackets_in_its_json() -> None:
    script = read_script('do [[tool: Bash {"command": "[[ -f a ]] && ls"}]] then [[tool: Read {"file_path": "/a"}]] ok')
    assert script.tools == [("Bash", {"command": "[[ -f a ]] && ls"}), ("Read", {"file_path": "/a"})]
    assert script.remainder == "do  then  ok"


def test_a_fault_may_be_counted() -> None:
    once, always = read_script("[[fault: http529 x2]]"), read_script("[[fault: http529]]")
    assert (once.fault, once.fault_times) == ("http529", 2)
    assert (always.fault, always.fault_times) == ("http529", None)


def test_process_directives() -> None:
    script = read_script("[[crash]] [[exit: 3]] [[hang]] [[stall]] [[garbage]] [[flood: 7]] [[leak: 2MiB]]")
    assert (script.crash, script.hang, script.stall, script.garbage) == (True, True, True, True)
    assert (script.exit_code, script.flood, script.leak) == (3, 7, 2 << 20)


@pytest.mark.parametrize(
    "prompt",
    ["[[words: many]]", "[[delay: soon]]", "[[tool: Bash {oops]]", "[[reply: open", "[[exit: 900]]", "[[leak: big]]"],
)
def test_a_bad_directive_is_told_in_the_answer(prompt: str) -> None:
    assert said(prompt).startswith("Script error: ")


def test_unknown_directives_are_text() -> None:
    assert said("[[dance]]") == "Echo: [[dance]]"


def test_words_are_counted_and_depend_on_seed_and_prompt() -> None:
    first = said("[[words: 30]]")
    assert len(first.split()) == 30
    assert said("[[words: 30]]") == first
    assert said("[[words: 30]]", seed=1) != first
    assert said("a [[words: 30]]") != first


def test_what_a_tool_said_comes_back_unless_a_reply_is_given() -> None:
    assert said("go", tool_said="made") == "Tool said: made"
    assert said("go [[reply: fine]]", tool_said="made") == "fine"


def test_the_digest_knows_texts_and_order() -> None:
    assert len({digest(["a", "b"]), digest(["b", "a"]), digest(["ab"]), digest(["a"])}) == 4
    assert digest([" a\n"]) == digest(["a"])


def test_texts_of_the_cli_are_no_prompts() -> None:
    assert is_injected("<system-reminder>\nbe kind")
    assert is_injected("\n[Request interrupted by user for tool use]")
    assert not is_injected("please read <system-reminder>")


@given(st.text())
def test_any_text_is_a_script_and_is_streamed_whole(prompt: str) -> None:
    read_script(prompt)
    assert "".join(deltas(prompt)) == prompt
