"""The filter language: what it understands, and that it never does anything but pass, refuse or say what is wrong."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events.state import SessionView
from engine.events.types import SessionState
from tui.model.columns import SESSION_COLUMNS
from tui.model.filter import FIELDS, NUMBERS, SESSION_FIELDS, Filter, FilterError, parsed
from tui.model.sort import Sort, in_order, natural

NOW = 10_000.0
BY_KEY = {column.key: column for column in SESSION_COLUMNS}
ROW = SessionView(
    id="s0042", profile="ci", tenant="acme", backend="claude", state=SessionState.RUNNING, user="Ana", turns=7,
    conversation="7c2f41aa", activity="Bash pytest -q", prompt="fix flaky test", cpu=12.5, rss=300 << 20,
    tokens_in=1500, tokens_out=500, cost=1.25, started_at=NOW - 3600, last_used=NOW - 30, since=NOW - 90,
)  # fmt: skip

ROWS = st.builds(
    SessionView,
    id=st.sampled_from(["s0001", "s0002", "s0003"]),
    state=st.sampled_from(SessionState),
    user=st.sampled_from(["ana", "ben", ""]),
    prompt=st.text(max_size=8),
    turns=st.integers(0, 50),
    cpu=st.floats(0, 200),
    cost=st.floats(0, 20),
)
TERMS = st.sampled_from(
    ["ana", "state:run", "state:idle,failed", "turns>10", "cost<=3", "user=ben", "user!=ben", "cpu>=50", '"s0001"']
)


@pytest.mark.parametrize(
    "text",
    [
        "", "flaky", "FLAKY", "s0042 ana", "state:running", "state:run", "state:idle,running", "!idle", "!state:idle",
        "user=ana", "user!=ben", "turns>6", "turns>=7", "turns=7", "tokens>1.9k", "mem>200M", "mem<1G", "cost<2",
        "age>59m", "age<2h", "last<31s", "for>1m", "cpu>12", "prompt:\"flaky test\"", "\"fix flaky\"", "tenant:acme",
        "activity:pytest turns<8 !failed",
    ],
)  # fmt: skip
def test_a_filter_that_holds_lets_the_row_pass(text: str) -> None:
    assert parsed(text, SESSION_FIELDS).passes(ROW, NOW)


@pytest.mark.parametrize(
    "text",
    ["ben", "!flaky", "state:idle", "turns>7", "user!=ana", "flaky turns<7", "age<59m", "mem>1G", "state:idle,failed"],
)
def test_a_filter_that_does_not_hold_keeps_the_row_out(text: str) -> None:
    assert not parsed(text, SESSION_FIELDS).passes(ROW, NOW)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stat:running", "no field 'stat'; try state"),
        ("zz:1", "no field 'zz'; try state, user, profile"),
        ("turns>many", "'many' is no number"),
        ("age>5x", "no unit 'x'"),
        ("state>3", "state is a text; use state:3"),
        ("turns>", "turns> needs a value"),
        ("!", "`!` needs a word"),
    ],
)
def test_a_filter_that_is_wrong_says_which_part_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(FilterError, match=said.replace("!", r"\!")):
        parsed(text, SESSION_FIELDS)


def _read(text: str) -> Filter | str:
    try:
        return parsed(text, SESSION_FIELDS)
    except FilterError as error:
        return str(error)


@given(st.text(max_size=40), ROWS)
def test_any_text_is_a_filter_or_a_complaint(text: str, row: SessionView) -> None:
    found = _read(text)
    if isinstance(found, str):
        assert found
    else:
        assert found.passes(row, NOW) in {True, False}


@given(TERMS, ROWS)
def test_a_term_and_its_negation_part_the_rows(term: str, row: SessionView) -> None:
    assert parsed(term, SESSION_FIELDS).passes(row, NOW) is not parsed(f"!{term}", SESSION_FIELDS).passes(row, NOW)


@given(TERMS, TERMS, ROWS)
def test_two_terms_pass_what_both_pass(one: str, other: str, row: SessionView) -> None:
    both = parsed(one, SESSION_FIELDS).passes(row, NOW) and parsed(other, SESSION_FIELDS).passes(row, NOW)
    assert parsed(f"{one}  {other}", SESSION_FIELDS).passes(row, NOW) is both


@given(st.integers(0, 60), ROWS)
def test_comparisons_agree_with_arithmetic(bound: int, row: SessionView) -> None:
    assert parsed(f"turns>{bound}", SESSION_FIELDS).passes(row, NOW) is (row.turns > bound)
    assert parsed(f"turns<={bound}", SESSION_FIELDS).passes(row, NOW) is (row.turns <= bound)


def test_every_field_can_be_read_from_a_row_and_the_numbers_are_numbers() -> None:
    assert {name for name, read in FIELDS.items() if isinstance(read(ROW, NOW), float)} == NUMBERS


@given(st.lists(ROWS, max_size=3, unique_by=lambda row: row.id), st.sampled_from(sorted(BY_KEY)), st.booleans())
def test_the_order_is_total_ties_go_by_id_and_nothing_is_lost(
    rows: list[SessionView], key: str, descending: bool
) -> None:
    by_id, value = {row.id: row for row in rows}, BY_KEY[key].order
    order = in_order(by_id, parsed("", SESSION_FIELDS), Sort(key, descending), BY_KEY[key], NOW)
    assert sorted(order) == sorted(by_id)
    for one, other in pairwise(order):
        first, second = value(by_id[one]), value(by_id[other])
        if first == second:
            assert one < other
        else:
            assert (first > second) is descending  # type: ignore[operator]


def test_numbers_are_wanted_from_the_largest_and_words_from_the_first() -> None:
    assert natural(BY_KEY["cost"]).descending
    assert not natural(BY_KEY["user"]).descending
