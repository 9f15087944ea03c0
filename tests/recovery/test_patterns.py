"""A pattern is left unsearched only where it cannot match."""

from __future__ import annotations

import re

import pytest

from engine.recovery.classify.literals import needed_by
from engine.recovery.classify.patterns import Patterns, letters_of
from engine.recovery.classify.rules import shipped_rules
from tests.recovery.samples import FAMILIES, samples


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("ab|cde", {"ab", "cde"}),
        ("(?i:Foo)z?", {"foo"}),
        ("(ab)?cd+e", {"cd"}),
        ("a{,3}bc", {"bc"}),
        ("(?<!ab)cd(?!ef)", {"cd"}),
        ("[]ab]cde", {"cde"}),
        ("ab|x*", set()),
        (r"\x41bc", set()),
        ("(?x) a b", set()),
        ("(?P<x>foo)(?P=x)", set()),
    ],
)
def test_the_literals_of_a_pattern_are_those_that_every_match_holds_one_of(pattern: str, needed: set[str]) -> None:
    assert needed_by(pattern) == needed


def test_the_literals_leave_out_no_pattern_that_matches_what_real_programs_print() -> None:
    patterns = [pattern for rule in shipped_rules() for pattern in rule.patterns]
    index = Patterns(patterns)
    for text in (each.evidence.text for each in samples(FAMILIES)):
        found = [number for number, pattern in enumerate(patterns) if re.search(pattern, text)]
        assert index.find(text, letters_of(text)) == found, text
        assert index.any_in(text, letters_of(text)) == bool(found)
