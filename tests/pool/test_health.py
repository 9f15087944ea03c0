"""Verdicts on a session's health: no witness condemns alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from engine.pool.health import FRESH_S, PROBES_MISSED, HealthState, Vitals, Witness, judge

WELL = Vitals(now=1000.0, sampled_at=1000.0, state="S", cpu_since_ask=0.5, silence_limit=150.0)
SPEAKS: dict[Witness, dict[str, Any]] = {
    Witness.PROBE: {"probes_missed": PROBES_MISSED},
    Witness.STOPPED: {"state": "T"},
    Witness.SILENT: {"silent_for": 151.0},
    Witness.NO_TRANSCRIPT: {"transcript_missing": True},
    Witness.MEMORY: {"over_memory": True},
}


def seen(*witnesses: Witness) -> Vitals:
    changes = {name: value for witness in witnesses for name, value in SPEAKS[witness].items()}
    return replace(WELL, **changes)


def test_a_session_without_witnesses_is_well() -> None:
    assert judge(WELL).condition is HealthState.WELL


@pytest.mark.parametrize("witness", SPEAKS)
def test_one_witness_makes_a_session_suspect_and_never_condemns_it(witness: Witness) -> None:
    verdict = judge(seen(witness))
    assert (verdict.condition, verdict.witnesses) == (HealthState.SUSPECT, (witness,))
    assert verdict.reason == witness.value


@pytest.mark.parametrize("pair", list(combinations(SPEAKS, 2)))
def test_two_witnesses_condemn_unless_one_of_them_is_memory_which_the_limits_act_on(
    pair: tuple[Witness, Witness],
) -> None:
    verdict = judge(seen(*pair))
    assert verdict.condition is (HealthState.SUSPECT if Witness.MEMORY in pair else HealthState.CONDEMNED)
    assert verdict.witnesses == pair
    assert verdict.reason == f"{pair[0].value} and {pair[1].value}"


def test_missed_probes_without_any_cpu_are_two_witnesses_and_with_cpu_one() -> None:
    deaf = seen(Witness.PROBE)
    assert judge(replace(deaf, cpu_since_ask=0.0)).witnesses == (Witness.PROBE, Witness.NO_CPU)
    assert judge(replace(deaf, cpu_since_ask=0.0)).condition is HealthState.CONDEMNED
    assert judge(replace(deaf, cpu_since_ask=None)).condition is HealthState.SUSPECT


def test_no_cpu_says_nothing_of_a_session_that_answers() -> None:
    assert judge(replace(WELL, cpu_since_ask=0.0)).condition is HealthState.WELL


def test_a_single_missed_probe_is_no_witness() -> None:
    assert judge(replace(WELL, probes_missed=PROBES_MISSED - 1)).condition is HealthState.WELL


def test_a_stopped_process_that_misses_one_probe_is_condemned_and_one_that_answers_is_suspect() -> None:
    stopped = seen(Witness.STOPPED)
    assert judge(replace(stopped, probes_missed=1)).witnesses == (Witness.PROBE, Witness.STOPPED)
    assert judge(replace(stopped, probes_missed=1)).condition is HealthState.CONDEMNED
    assert judge(replace(stopped, probes_missed=0)).condition is HealthState.SUSPECT


def test_a_starting_session_and_a_stale_sample_are_never_judged() -> None:
    doomed = seen(Witness.PROBE, Witness.STOPPED, Witness.SILENT)
    assert judge(doomed).condition is HealthState.CONDEMNED
    assert judge(replace(doomed, starting=True)).condition is HealthState.WELL
    assert judge(replace(doomed, now=1000.0 + FRESH_S + 0.1)).condition is HealthState.WELL


def test_without_a_turn_silence_is_no_witness() -> None:
    assert judge(replace(WELL, silent_for=9999.0, silence_limit=None)).condition is HealthState.WELL
