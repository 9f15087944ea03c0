"""What a session's turns took: four classes of tokens and the cost, each booked once. Pure.

The CLI reports what came since the result before (`model_usage_since_last_result`). One that does not only reports a
total, which some restart at `/clear`, as its own result shows, and which may hold a whole conversation after a resume.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.sessions.messages import ModelUsage, Result, Usage

_NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens by class, and US dollars; `context` tokens of the `window` that `model` has are in use after the turn."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    tokens_cache_written: int = 0
    cost: float = 0.0
    model: str = ""
    context: int = 0
    window: int = 0

    def plus(self, other: Spent) -> Spent:
        """Both together; the context is that of the later one where it is known."""
        return Spent(
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_cached + other.tokens_cached,
            self.tokens_cache_written + other.tokens_cache_written,
            self.cost + other.cost,
            other.model or self.model,
            other.context or self.context,
            other.window or self.window,
        )


class Account:
    """Owner of the total that was booked last. `free` turns (a simulator's) cost nothing."""

    def __init__(self, *, free: bool = False) -> None:
        self._free = free
        self._total = 0.0

    def resumed_at(self, total: float) -> None:
        """What the conversation had cost before this process resumed it."""
        self._total = total

    def book(self, result: Result, model: str = "", last: Usage = _NO_USAGE) -> Spent:
        """What was spent since the result before this one; `last` is the usage of its last message by `model`."""
        total, by_model = result.total_cost_usd, result.model_usage_since_last_result
        since = total - self._total if total >= self._total else total
        self._total = total
        usage = result.usage or Usage()
        if by_model is not None:
            models = by_model.values()
            since = sum(model.cost_usd for model in models)
            usage = Usage(
                sum(model.input_tokens for model in models),
                sum(model.output_tokens for model in models),
                sum(model.cache_read_input_tokens for model in models),
                sum(model.cache_creation_input_tokens for model in models),
            )
        return Spent(
            tokens_in=usage.input_tokens,
            tokens_out=usage.output_tokens,
            tokens_cached=usage.cache_read_input_tokens,
            tokens_cache_written=usage.cache_creation_input_tokens,
            cost=0.0 if self._free else since,
            model=model,
            context=last.in_context,
            window=_window(by_model or {}, model),
        )


def _window(by_model: Mapping[str, ModelUsage], model: str) -> int:
    """Tokens of the model's context; of the largest where the agent names the model otherwise here."""
    named = by_model.get(model)
    return named.context_window if named else max((each.context_window for each in by_model.values()), default=0)
