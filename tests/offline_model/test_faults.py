"""The table of faults against the ids of the measured corpus."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.base.errors import BadInput
from engine.offline_model.faults import FAULTS, FaultShape
from engine.offline_model.server import known_fault

API_SIDE = (Path(__file__).parent / "api_fault_ids.txt").read_text().split()
"""Ids of the corpus rows whose cause is on the API's side. `net_refused` is not among them: nobody listens there."""


def test_the_list_is_the_corpus_one() -> None:
    assert len(API_SIDE) == 68


@pytest.mark.parametrize("name", API_SIDE)
def test_every_api_fault_of_the_corpus_is_scripted(name: str) -> None:
    fault = FAULTS[name]
    if name.startswith("http") and name[4:7].isdigit():
        assert (fault.how, fault.status) == (FaultShape.ERROR, int(name[4:7]))
    else:
        assert fault.status >= 400 or fault.how is not FaultShape.ERROR


@pytest.mark.parametrize("fault", [fault for fault in FAULTS.values() if fault.how is FaultShape.ERROR])
def test_bodies_are_what_their_content_type_says(fault: object) -> None:
    known = FAULTS[fault.name]  # type: ignore[attr-defined]
    body = known.body("some-model", "req_1")
    if known.content_type == "application/json":
        error = json.loads(body)
        assert error["error"]["type"] == known.error_type
        assert error["error"]["message"]
    else:
        assert known.message.encode() in body


def test_the_missing_model_is_named() -> None:
    assert b"model: some-model" in FAULTS["http404_model"].body("some-model", "req_1")


def test_an_unknown_fault_names_the_nearest() -> None:
    with pytest.raises(BadInput, match=r"no fault 'http52'.*nearest is 'http5"):
        known_fault("http52")
