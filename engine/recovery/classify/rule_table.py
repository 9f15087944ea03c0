"""The rules as people and programs read them: what each means, where it comes from, how often it decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.recovery.classify.learned_rules import LearnedRule, LearnedRules
from engine.recovery.classify.rules import Rule

Row = dict[str, Any]


def listed(rules: Iterable[Rule], learned: LearnedRules | None) -> list[Row]:
    """The learned rules, oldest first, then the others, those that decided most often first."""
    hits = learned.hits() if learned else {}
    taught = learned.all() if learned else []
    rest = sorted(rules, key=lambda rule: -hits.get(rule.id, 0))
    return [
        *(learned_row(each, hits.get(each.id, 0)) for each in taught),
        *({**_row(rule, hits.get(rule.id, 0)), "weight": rule.weight, "learned": False} for rule in rest),
    ]


def learned_row(learned: LearnedRule, hits: int) -> Row:
    """One learned rule."""
    return {
        **_row(learned.rule, hits),
        "learned": True,
        "template": learned.template,
        "example": learned.example,
        "taught_by": learned.taught_by,
        "taught_at": learned.taught_at,
    }


def _row(rule: Rule, hits: int) -> Row:
    return {
        "id": rule.id,
        "type": rule.type.value,
        "category": rule.category,
        "severity": rule.severity.value if rule.severity else None,
        "retryable": rule.retryable,
        "strategy": rule.strategy.value,
        "description": rule.description,
        "hits": hits,
    }
