"""What a session's turns took: each token and cent once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.sessions.account import Account
from engine.sessions.messages import Result, Usage


def result(total: float, *models: float, **usage: int) -> Result:
    fields: dict[str, Any] = {"type": "result", "total_cost_usd": total, "usage": usage}
    if models:
        fields["model_usage_since_last_result"] = {
            f"m{n}": {"costUSD": cost, "inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 3,
                      "cacheCreationInputTokens": 4, "contextWindow": 9} for n, cost in enumerate(models)
        }  # fmt: skip
    return msgspec.convert(fields, Result)


def test_what_came_since_the_last_result_is_booked_for_all_models() -> None:
    spent = Account().book(result(9.0, 0.1, 0.2))
    assert spent.cost == pytest.approx(0.3)
    assert (spent.tokens_in, spent.tokens_out, spent.tokens_cached, spent.tokens_cache_written) == (2, 4, 6, 8)


def test_without_that_the_total_is_what_counts_and_a_smaller_one_begins_anew() -> None:
    account = Account()
    totals = (0.0674, 0.1348, 0.0012, 0.0025)
    booked = [account.book(result(total, input_tokens=5)).cost for total in totals]
    assert booked == pytest.approx([0.0674, 0.0674, 0.0012, 0.0013])


def test_after_clear_no_cost_is_lost_to_the_baseline_of_before() -> None:
    account = Account()
    account.book(result(0.01))
    account.book(result(0.0))  # of `/clear` itself
    assert account.book(result(0.05)).cost == pytest.approx(0.05)


def test_a_resumed_conversation_is_not_booked_again() -> None:
    account = Account()
    account.resumed_at(0.229)
    assert account.book(result(0.311)).cost == pytest.approx(0.082)


def test_a_simulated_turn_costs_nothing() -> None:
    spent = Account(free=True).book(result(1.0, 1.0))
    assert (spent.cost, spent.tokens_out) == (0.0, 2)


def test_the_last_message_tells_how_full_the_context_is() -> None:
    usage = Usage(input_tokens=3, cache_read_input_tokens=40, cache_creation_input_tokens=5, output_tokens=2)
    models = {"haiku": {"contextWindow": 100}, "sonnet": {"contextWindow": 200}}
    line = {"type": "result", "model_usage_since_last_result": models}
    spent = Account().book(msgspec.convert(line, Result), "sonnet", usage)
    assert (spent.model, spent.context, spent.window) == ("sonnet", 50, 200)
    assert Account().book(msgspec.convert(line, Result), "haiku", usage).window == 100
    assert Account().book(msgspec.convert(line, Result), "other", usage).window == 200
    assert Account().book(msgspec.convert({"type": "result"}, Result)).context == 0
