"""Errors, the figures of recovery, and what operators teach the classifier."""

from __future__ import annotations

import msgspec

from engine.base.errors import BadInput, NotFound
from engine.operations.declared.errors import (
    CLASSIFY,
    CORRECT_ERROR,
    ERROR_STATISTICS,
    FORGET_RULE,
    LEARN_RULE,
    LIST_ERRORS,
    LIST_RULES,
    ClassesResult,
    Classify,
    CorrectError,
    Deleted,
    ErrorClassRow,
    ErrorRow,
    ErrorsResult,
    ErrorStatistics,
    ErrorStatisticsResult,
    LearnRule,
    ListErrors,
    RecoveryFigures,
    RuleId,
    RuleResult,
    RuleRow,
    RulesResult,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services
from engine.operations.operation import NoArguments
from engine.recovery.classify.evidence import of_line
from engine.recovery.classify.learned_rules import LearnedRule, Lesson
from engine.recovery.classify.rule_table import learned_row, listed
from engine.recovery.classify.rules import ErrorType


@handles(LIST_ERRORS)
async def list_errors(services: Services, _call: CallContext, args: ListErrors) -> ErrorsResult:
    """The last errors, newest first."""
    rows = services.state.errors[::-1]
    if args.type is not msgspec.UNSET:
        rows = [row for row in rows if row.type == args.type]
    return ErrorsResult(errors=rows_as(ErrorRow, page_of(args, rows)), total=len(rows))


@handles(ERROR_STATISTICS)
async def statistics(services: Services, _call: CallContext, args: ErrorStatistics) -> ErrorStatisticsResult:
    """The figures of a window. Raises BadInput."""
    figures = services.recovery_statistics.figures(args.window, services.clock.wall())
    return ErrorStatisticsResult(statistics=row_as(RecoveryFigures, figures))


@handles(CORRECT_ERROR)
async def correct(services: Services, call: CallContext, args: CorrectError) -> RuleResult:
    """Learn that errors like this one are of a type. Raises NotFound, BadInput, StoreUnusable."""
    view = next((each for each in reversed(services.state.errors) if each.id == args.id), None)
    if view is None:
        remedy = "`quarterdeck errors` lists those that are remembered."
        raise NotFound(f"There is no error {args.id}.", field="id", remedy=remedy)
    if rule := services.classifier.fact_rule(view):
        text = f"Error {args.id} shows a fact that rule {rule} goes by, and a fact outranks what is taught"
        remedy = "Nothing was kept. Rules of your own in the file that `recovery.rules` names may decide otherwise."
        raise BadInput(f"{text}.", field="id", remedy=remedy)
    return _learn(services, call, Lesson(type=ErrorType(args.type), text=view.said or view.text))


@handles(CLASSIFY)
async def classify(services: Services, _call: CallContext, args: Classify) -> ClassesResult:
    """The classes of some lines, as the engine's own errors are classified."""
    found = [services.classifier.class_of(of_line(line)) for line in args.lines]
    return ClassesResult(classes=rows_as(ErrorClassRow, found))


@handles(LIST_RULES)
async def rules(services: Services, _call: CallContext, _args: NoArguments) -> RulesResult:
    """The learned rules and the others, with how many errors each decided."""
    return RulesResult(rules=rows_as(RuleRow, listed(services.classifier.rules, services.classifier.learned)))


@handles(LEARN_RULE)
async def learn(services: Services, call: CallContext, args: LearnRule) -> RuleResult:
    """Learn that errors like a text are of a type. Raises BadInput, StoreUnusable."""
    return _learn(services, call, msgspec.convert(args, Lesson, from_attributes=True))


@handles(FORGET_RULE)
async def forget(services: Services, _call: CallContext, args: RuleId) -> Deleted:
    """Delete a learned rule. Raises NotFound, StoreUnusable."""
    services.classifier.learned.forget(args.id)
    return Deleted(deleted=args.id)


def _learn(services: Services, call: CallContext, lesson: Lesson) -> RuleResult:
    learned: LearnedRule = services.classifier.learned.learn(lesson, call.who)
    return RuleResult(rule=row_as(RuleRow, learned_row(learned, 0)))
