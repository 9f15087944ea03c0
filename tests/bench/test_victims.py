"""The model of who makes room: drawn from its seed alone, with the pool's own index in it."""

from __future__ import annotations

import pytest

from engine.bench.victims import victims


@pytest.mark.parametrize("seed", [0, 7])
def test_the_choice_by_worth_costs_less_where_conversations_end_and_hardly_more_where_none_does(seed: int) -> None:
    ending, lasting = victims(seed)
    assert ending.ratio is not None
    assert ending.ratio < 0.8
    assert lasting.ratio is not None
    assert lasting.ratio < 1.15
    assert victims(seed) == [ending, lasting]
