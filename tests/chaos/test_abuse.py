"""The abuse harness: each harm is really done, an engine bears it, and one that does not is found out."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from engine.base.errors import BadInput
from engine.base.process import python_module
from engine.chaos.abuse.harms import HARMS, about
from engine.chaos.abuse.run import Abuse, AbuseCard, AbusePlan, abuse, chosen_harms

PROGRAM = tuple(python_module("tui.cli"))


async def test_an_engine_bears_every_abuse(home: Path) -> None:
    card = await abuse(AbusePlan(tuple(HARMS), 0.5, PROGRAM), home, print)
    assert card.problems() == []
    assert [each.name for each in card.abuses] == list(HARMS)
    assert all(each.calls > 0 for each in card.abuses)
    assert card.rest_p99_ms > 0


def test_harms_are_chosen_by_name_and_described() -> None:
    assert chosen_harms(()) == tuple(HARMS)
    assert chosen_harms(("unread_log", "bad_text", "unread_log")) == ("unread_log", "bad_text")
    assert all(about(name) for name in HARMS)
    with pytest.raises(BadInput, match="no abuse") as caught:
        chosen_harms(("everything",))
    assert "unread_log" in caught.value.remedy


def test_what_is_out_of_bounds_is_told() -> None:
    bad = Abuse("bad_text", "", 10, 3, 80.0, 9.0, 1.5, 7.0, ["memory stayed"], ["a healthy client waited"])
    card = AbuseCard(2.0, 50.0, [bad], 1, 2)
    assert len(card.problems()) == 3
    assert card.delays() == ["bad_text: a healthy client waited"]
    fine = msgspec.structs.replace(card, abuses=[], exit_code=0, survivors=0)
    assert fine.problems() + fine.delays() == []
