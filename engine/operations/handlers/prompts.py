"""Prompts: sending one, and the requests on their way."""

from __future__ import annotations

import uuid
from functools import partial

import msgspec

from engine.base.errors import BadInput
from engine.operations.declared.paging import PageArgs
from engine.operations.declared.prompts import (
    CANCEL_PROMPT,
    LIST_PROMPTS,
    SEND_PROMPT,
    SHOW_PROMPT,
    Cancelled,
    PromptId,
    PromptResult,
    PromptsResult,
    PromptStatus,
    RequestRow,
    SendPrompt,
    SentPrompt,
    SentPromptResult,
)
from engine.operations.handlers.binding import CallContext, handles, page_of, row_as, rows_as
from engine.operations.handlers.services import Services
from engine.requests import Request


def request_of(call: CallContext, args: SendPrompt) -> Request:
    """The request that a prompt becomes; without a user it is the caller's. Raises BadInput."""
    if args.stream and not args.wait:
        remedy = "Leave one of `stream` and `wait: false` out."
        raise BadInput("A stream that nobody waits for has no reader.", field="stream", remedy=remedy)
    return Request(
        id=args.id or uuid.uuid4().hex[:12],
        prompt=args.prompt,
        conversation=args.conversation,
        user=args.user or call.caller.user,
        tenant=call.caller.tenant,
        profile=args.profile,
        priority=args.priority,
        deadline=args.deadline,
        cacheable=args.cacheable,
        cache_ttl=args.cache_ttl,
        cache_tags=args.cache_tags,
        idempotent=args.idempotent,
        commands=args.commands,
        permission_timeout=args.permission_timeout,
        cwd=args.cwd,
    )


@handles(SEND_PROMPT)
async def send(services: Services, call: CallContext, args: SendPrompt) -> SentPromptResult:
    """Answer a prompt, or return its id at once; its end is kept. Raises what states why there is no answer."""
    request = request_of(call, args)
    if call.accepted is not None:
        services.engine.check(request)
        call.accepted()
    if args.wait:
        answer = await services.engine.submit(request, call.stream)
        return SentPromptResult(prompt=row_as(SentPrompt, answer))
    name = services.engine.send(request, partial(services.kept_answers.keep, request.id))
    services.kept_answers.expect(name)
    return SentPromptResult(prompt=SentPrompt(request=name))


@handles(LIST_PROMPTS)
async def list_prompts(services: Services, _call: CallContext, args: PageArgs) -> PromptsResult:
    """Those on their way, the longest first."""
    rows = sorted(services.state.requests.values(), key=lambda view: view.queued_at)
    return PromptsResult(prompts=rows_as(RequestRow, page_of(args, rows)), total=len(rows))


@handles(SHOW_PROMPT)
async def show(services: Services, _call: CallContext, args: PromptId) -> PromptResult:
    """One on its way, or how one ended that was sent with `wait: false`. Raises NotFound."""
    if (running := services.state.requests.get(args.id)) is not None:
        return PromptResult(prompt=row_as(PromptStatus, running))
    return PromptResult(prompt=msgspec.json.decode(services.kept_answers.get(args.id), type=PromptStatus))


@handles(CANCEL_PROMPT)
async def cancel(services: Services, call: CallContext, args: PromptId) -> Cancelled:
    """End a request, waiting or running; its caller gets an error. Raises NotFound."""
    services.dispatcher.cancel(args.id, call.who)
    return Cancelled(cancelled=args.id)
