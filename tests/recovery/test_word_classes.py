"""Word classes of a rules file: each mistake is named, and what is no phrase is left as it is."""

from __future__ import annotations

from typing import Any

import pytest

from engine.recovery.classify.phrases import WordClasses

SHEETS = {"sheets": "paper  labels"}


@pytest.mark.parametrize(
    ("tables", "problems"),
    [
        (SHEETS, []),
        (["paper"], ["own.toml: class is no table of words."]),
        (
            {"sheets": 3, "empty": " "},
            [f"own.toml: the class {name} is not a text of words." for name in ("sheets", "empty")],
        ),
    ],
)
def test_a_mistake_is_named(tables: Any, problems: list[str]) -> None:
    found: list[str] = []
    WordClasses(tables, found, "own.toml")
    assert found == problems


@pytest.mark.parametrize(
    ("table", "spelled"),
    [
        ({"says": ["out-of @sheets"], "id": "@sheets"}, {"says": ["out-of paper|labels"], "id": "@sheets"}),
        ({"unless": ["@unheard"]}, {"unless": ["@unheard"]}),
        ({"names": "@sheets"}, {"names": "@sheets"}),
        ({"says": [3, "@sheets"]}, {"says": [3, "paper|labels"]}),
        ("no table", "no table"),
    ],
)
def test_phrases_are_spelled_out_and_nothing_else(table: Any, spelled: Any) -> None:
    assert WordClasses(SHEETS, [], "own.toml").spelled_out(table) == spelled
