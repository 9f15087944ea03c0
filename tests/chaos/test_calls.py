"""The load on the API around an outage, from hand-made calls."""

from __future__ import annotations

import httpx
import pytest

from engine.chaos.api import OfflineApi
from engine.chaos.calls import load_in
from engine.chaos.scorecard import Injection, ScorecardEvidence, score
from engine.offline_model.server import OfflineModel

HEALTHY = [n / 4 for n in range(80)]
"""Four calls a second for 20 s."""
AFTER = [120 + n / 4 for n in range(160)]
"""The same for 40 s after an outage that ends at 120 s."""


def test_probes_are_counted_after_the_first_seconds_of_an_outage() -> None:
    refused = [20 + n / 4 for n in range(8)]
    probes = [30.0, 60.0, 90.0]
    found = load_in([*HEALTHY, *refused, *probes, *AFTER], 20, 120)
    assert found is not None
    assert (found.healthy, found.in_outage, found.busiest, found.storm) == (4.0, round(3 / 95, 2), 4.0, 1.0)


@pytest.mark.parametrize("at", [22.0, 100.0, 121.0])
def test_a_storm_is_seen_wherever_it_comes(at: float) -> None:
    storm = [at + n / 1000 for n in range(100)]
    found = load_in(sorted([*HEALTHY, *storm, *AFTER]), 20, 120)
    assert found is not None
    assert found.healthy == 4.0
    assert found.busiest >= 20.0
    assert found.storm == found.busiest / found.healthy


def test_the_calm_after_an_outage_counts_for_health_too() -> None:
    busy = [150 + n / 8 for n in range(80)]
    found = load_in([*HEALTHY, *AFTER[:120], *busy], 20, 120)
    assert found is not None
    assert (found.healthy, found.storm) == (8.0, 0.5)


def test_without_a_healthy_time_or_an_outage_long_enough_nothing_is_claimed() -> None:
    assert load_in([], 20, 120) is None
    assert load_in([18.0, 19.0], 20, 120) is None
    assert load_in(HEALTHY, 20, 29) is None


def test_only_an_outage_of_everything_before_all_other_harm_has_a_figure() -> None:
    def problems(*strikes: Injection) -> list[str]:
        storm = [120 + n / 1000 for n in range(100)]
        evidence = ScorecardEvidence(strikes=list(strikes), calls=[*HEALTHY, *storm, *AFTER[4:]])
        named = {"drills": [], "seed": 0, "backend": "claude", "sessions": 1, "seconds": 1.0, "survivors": 0}
        return [one for one in score(evidence, **named).problems() if "calls" in one]  # type: ignore[arg-type]

    outage = Injection(drill="window529", at=20, healed=120, outage=True, total=True)
    assert problems(outage) == ["the API's calls came 5.8 times as fast as in health"]
    assert problems(Injection(drill="window529", at=20, healed=120, outage=True)) == []
    assert problems(Injection(drill="kill", at=10), outage) == []
    assert problems() == []


async def test_the_offline_model_tells_of_the_calls_that_a_fault_hits_too() -> None:
    calls = list[float]()
    async with OfflineModel(on_call=lambda: calls.append(0.0)) as model, httpx.AsyncClient() as client:
        body = {
            "model": "claude-opus-5-5",
            "max_tokens": 8,
            "messages": [{"role": "user", "content": "hello"}],
            "stream": True,
        }
        assert (await client.post(f"{model.url}/v1/messages", json=body)).status_code == 200
        model.fault_all("http529")
        assert (await client.post(f"{model.url}/v1/messages", json=body)).status_code == 529
        assert OfflineApi(model, calls).calls() == [0.0, 0.0]
