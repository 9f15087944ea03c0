"""How the CLI shows each API fault of the offline model, as it was measured; loaded at the first fault."""

from __future__ import annotations

from engine.offline_model.faults import FAULTS, Fallback, Fault, FaultShape

_RETRIED = frozenset({401, 408, 409, 429, 500, 502, 503, 504, 529})
_NEVER_RETRIED = frozenset({"http429_extra_usage", "oauth_quota_429_unified"})
_SILENT = frozenset({FaultShape.NO_BYTES, FaultShape.STALL_MID, FaultShape.PINGS})

_LONGEST_DELAY_S = 32.0

_SERVER_SIDE = (
    "This is a server-side issue, usually temporary — try again in a moment. "
    "If it persists, check https://status.claude.com."
)
_REPEATED = (
    "API Error: Repeated 529 Overloaded errors. The API is at capacity — this is usually temporary. "
    "Try again in a moment. If it persists, check https://status.claude.com."
)
_LOST = "API Error: Connection to the API was lost ({}). This is usually temporary — try again."
_DROPPED = "API Error: Connection dropped (ECONNRESET). Check the gateway set in ANTHROPIC_BASE_URL, then try again."
_TOO_LARGE = (
    "Request too large (max 32MB). Accumulated images and attachments in the conversation pushed the request over "
    "the limit. Remove older images or compact the conversation."
)
_MISSING_MODEL = (
    "There's an issue with the selected model ({}). It may not exist or you may not have access to it. "
    "Run --model to pick a different model."
)

_TEXTS = {
    "http400_credit_balance": "Credit balance is too low",
    "http400_maxtok_exceed_context": "Prompt is too long",
    "http400_prompt_too_long": "Prompt is too long",
    "http400_org_disabled": "Your ANTHROPIC_API_KEY belongs to a disabled organization · "
    "Update or unset the environment variable",
    "http400_tool_pair": "API Error: 400 due to tool use concurrency issues.",
    "http401_invalid_key": "Invalid API key · Fix external API key",
    "authtoken_401": "Not logged in · Please run /login",
    "oauth_quota_429_unified": "You've hit your 5-hour limit · resets Jan 1, 2100",
}
_ERRORS = {
    "http400_credit_balance": "billing_error",
    "http400_maxtok_exceed_context": "invalid_request",
    "http400_prompt_too_long": "invalid_request",
    "http400_org_disabled": "invalid_request",
    "http400_tool_pair": "invalid_request",
    "http400_cache_control": "unknown",
    "stop_refusal": "invalid_request",
    "sse_bad_json_nofallback": "unknown",
    "http_bad_chunk": "unknown",
}
_BY_STATUS = {
    401: "authentication_failed",
    403: "authentication_failed",
    404: "model_not_found",
    413: "invalid_request",
    429: "rate_limit",
}
_TERMINAL = {400: "api_error", 413: "image_error"}
_BREAK_TEXTS = {
    FaultShape.RESET_BEFORE: _DROPPED,
    FaultShape.CLOSE_BEFORE: _DROPPED,
    FaultShape.NOT_HTTP: "API Error: Unable to connect to API (Malformed_HTTP_Response)",
    FaultShape.RESET_MID: _LOST.format("ECONNRESET"),
    FaultShape.CUT_MID: _LOST.format("ECONNRESET"),
    FaultShape.SSE_UNFINISHED: _LOST.format("StreamTruncated"),
    FaultShape.SSE_EMPTY: "API Error: Stream ended without receiving any events",
    FaultShape.SSE_BAD_JSON: "API Error: JSON Parse error: Unterminated string",
    FaultShape.BAD_CHUNK: "API Error: InvalidHTTPResponse fetching the Messages API.",
    FaultShape.SSE_ERROR_AFTER: "API Error: Server error mid-response. The response above may be incomplete.",
    FaultShape.REFUSAL: "API Error: The model's safeguards flagged this message (https://www.anthropic.com/legal/aup).",
}
_NETWORK_RETRIED = frozenset(
    {
        FaultShape.RESET_BEFORE,
        FaultShape.CLOSE_BEFORE,
        FaultShape.NOT_HTTP,
        FaultShape.RESET_MID,
        FaultShape.CUT_MID,
        FaultShape.SSE_UNFINISHED,
    }
)
_MID_ANSWER = frozenset(
    {
        FaultShape.RESET_MID,
        FaultShape.CUT_MID,
        FaultShape.BAD_CHUNK,
        FaultShape.STALL_MID,
        FaultShape.SSE_ERROR_MID,
        FaultShape.SSE_BAD_JSON,
        FaultShape.SSE_UNFINISHED,
        FaultShape.SSE_ERROR_AFTER,
        FaultShape.REFUSAL,
    }
)


_WHOLE_BLOCK = frozenset({FaultShape.SSE_ERROR_AFTER, FaultShape.REFUSAL})


class Failure:
    """One fault as it appears in the CLI's lines."""

    __slots__ = (
        "_retry_after",
        "_text",
        "error",
        "error_type",
        "finishes_block",
        "mid_answer",
        "refuses",
        "retried",
        "retry_error",
        "silent",
        "status",
        "terminal_reason",
        "times",
    )

    def __init__(self, fault: Fault, model: str) -> None:
        shown = _shows_status(fault)
        self.status: int | None = fault.status if shown else None
        self.error_type: str | None = fault.error_type or None if shown else None
        self._text = _text(fault, model)
        self.error = _ERRORS.get(fault.name) or _error(fault)
        self.retried = _is_retried(fault)
        self.retry_error = _retry_error(fault)
        self._retry_after = float(dict(fault.headers).get("retry-after", 0))
        self.mid_answer = fault.how in _MID_ANSWER
        self.finishes_block = fault.how in _WHOLE_BLOCK
        self.refuses = fault.how is FaultShape.REFUSAL
        self.silent = fault.how in _SILENT
        self.times = fault.times
        self.terminal_reason = _terminal_reason(fault)

    def facts(self) -> dict[str, object]:
        """The fields that both the synthetic message and the result carry."""
        found = {"api_error_status": self.status, "api_error_type": self.error_type}
        return {name: value for name, value in found.items() if value is not None}

    def retry_delay(self, attempt: int) -> float:
        """Seconds before the CLI's own retry `attempt`, without its jitter."""
        return self._retry_after or min(_LONGEST_DELAY_S, 0.5 * 2 ** (attempt - 1))

    def text_after(self, retries: int) -> str:
        """What the CLI prints at the end; three answers of 529 in a row have a text of their own."""
        return _REPEATED if self.status == 529 and self.retried and retries >= 2 else self._text


def failure(name: str, model: str) -> Failure | None:
    """How the fault of that name shows; None when it does not (a healthy answer)."""
    fault = FAULTS.get(name) or Fault(
        name, FaultShape.ERROR, 400, "invalid_request_error", f"There is no fault {name!r}."
    )
    healed = fault.fallback is Fallback.ANSWERED and fault.how is not FaultShape.SSE_ERROR_AFTER
    return None if fault.how is FaultShape.HEADERS or healed else Failure(fault, model)


def _shows_status(fault: Fault) -> bool:
    return fault.how in {FaultShape.ERROR, FaultShape.SSE_ERROR_FIRST, FaultShape.SSE_ERROR_MID}


def _text(fault: Fault, model: str) -> str:
    if fault.name in _TEXTS:
        return _TEXTS[fault.name]
    if fault.how in _BREAK_TEXTS:
        return _BREAK_TEXTS[fault.how]
    if fault.how is not FaultShape.ERROR:
        return f"API Error: {fault.message}"
    match fault.status:
        case 403:
            return f"Failed to authenticate. API Error: 403 {fault.message}"
        case 404:
            return _MISSING_MODEL.format(model)
        case 413:
            return _TOO_LARGE
        case 429:
            return f"API Error: Request rejected (429) · {fault.message}"
        case status if status >= 500:
            return f"API Error: {status} {fault.message.rstrip('.')}. {_SERVER_SIDE}"
    return f"API Error: {fault.status} {fault.message}"


def _error(fault: Fault) -> str:
    if fault.how is FaultShape.ERROR:
        return _BY_STATUS.get(fault.status) or ("server_error" if fault.status >= 500 else "unknown")
    return "unknown" if fault.how in {FaultShape.SSE_ERROR_FIRST, FaultShape.SSE_ERROR_MID} else "server_error"


def _is_retried(fault: Fault) -> bool:
    if fault.how is not FaultShape.ERROR:
        return fault.how in _NETWORK_RETRIED
    refused = dict(fault.headers).get("x-should-retry") == "false"
    return fault.status in _RETRIED and fault.name not in _NEVER_RETRIED and not refused


def _retry_error(fault: Fault) -> str:
    if fault.how is not FaultShape.ERROR:
        return "unknown"
    return "overloaded" if fault.status == 529 else _error(fault)


def _terminal_reason(fault: Fault) -> str:
    if "Prompt is too long" in _TEXTS.get(fault.name, ""):
        return "prompt_too_long"
    return _TERMINAL.get(fault.status, "api_error") if fault.how is FaultShape.ERROR else "api_error"
