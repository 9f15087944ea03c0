"""Every way in which the Messages API fails, as one table by name.

The names are the ids of the measured corpus of CLI errors, so that a fault scripted here can be compared with what the
real CLI said about it. `[[fault: NAME]]` in a prompt or `OfflineModel.fault_all` puts one to work. Only the standard
library is used: the simulator shows the same faults.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum

_JSON = "application/json"
_HTML = "text/html"

# Replies hold no wall clock, so a limit resets at a date that stays in the future.
_RESETS_AT = "4102444800"
_RESETS_ON = "2100-01-01T00:00:00Z"

_RATE = (
    "This request would exceed your organization's rate limit of 50 requests per minute "
    "(org: 00000000-0000-0000-0000-000000000000)."
)
_CONCURRENT = (
    "Number of concurrent connections has exceeded your rate limit. Please try again later or contact sales at "
    "https://www.anthropic.com/contact-sales to discuss your options for a rate limit increase."
)
_CREDIT = (
    "Your credit balance is too low to access the Anthropic API. "
    "Please go to Plans & Billing to upgrade or purchase credits."
)
_THINKING = (
    "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `text`. "
    "When `thinking` is enabled, a final `assistant` message must start with a thinking block."
)
_TOOL_PAIR = (
    "messages.2: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_01. "
    "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
)
_SPEND = "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."
_CONTEXT = (
    "input length and `max_tokens` exceed context limit: 195000 + 32000 > 200000, "
    "decrease input length or `max_tokens` and try again"
)
_ENVOY = "upstream connect error or disconnect/reset before headers. reset reason: connection termination"  # not JSON


class FaultShape(StrEnum):
    """Where and how an exchange goes wrong; `ERROR` is a plain HTTP error, the others are breaks of the stream."""

    ERROR = "http error"
    HEADERS = "healthy, with the fault's headers"
    NO_BYTES = "no byte ever"
    RESET_BEFORE = "TCP reset before any byte"
    CLOSE_BEFORE = "closed before any byte"
    NOT_HTTP = "bytes that are not HTTP"
    BAD_CHUNK = "chunk size that is no number"
    RESET_MID = "TCP reset in a text block"
    CUT_MID = "chunked body cut in a text block"
    STALL_MID = "silence in a text block"
    PINGS = "pings only"
    SSE_EMPTY = "no events"
    SSE_UNFINISHED = "a clean end without message_stop"
    SSE_BAD_JSON = "an event that is not JSON"
    SSE_ERROR_FIRST = "error event first"
    SSE_ERROR_MID = "error event in a text block"
    SSE_ERROR_AFTER = "error event after a finished block"
    REFUSAL = "stop_reason refusal"


class Fallback(StrEnum):
    """What a non-streaming request meets while a stream fault is on (the CLI's hidden second attempt)."""

    SAME = "fails alike"
    ANSWERED = "is answered"
    OVERLOADED = "HTTP 529"


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted failure; `times` is how many requests it hits before they succeed, None for all."""

    name: str
    how: FaultShape
    status: int = 200
    error_type: str = ""
    message: str = ""
    content_type: str = _JSON
    headers: tuple[tuple[str, str], ...] = field(default=())
    fallback: Fallback = Fallback.SAME
    times: int | None = None

    def body(self, model: str, request_id: str) -> bytes:
        """The body of the HTTP error; `{model}` in the message is the one asked for."""
        message = self.message.replace("{model}", model)
        if self.content_type == _HTML:
            page = f"<html>\r\n<head><title>{self.status} {message}</title></head>\r\n<body>\r\n"
            return f"{page}<center><h1>{self.status} {message}</h1></center>\r\n</body>\r\n</html>\r\n".encode()
        if self.content_type != _JSON:
            return message.encode()
        return error_body(self.error_type, message, request_id)


def error_body(error_type: str, message: str, request_id: str) -> bytes:
    """An error in the API's shape; the id is the one of the response's header."""
    error = {"type": error_type, "message": message}
    return json.dumps({"type": "error", "error": error, "request_id": request_id}).encode()


def _http(name: str, status: int, error_type: str, message: str, *headers: tuple[str, str]) -> Fault:
    return Fault(name, FaultShape.ERROR, status, error_type, message, headers=headers)


def _html(name: str, status: int, title: str) -> Fault:
    return Fault(name, FaultShape.ERROR, status, "", title, content_type=_HTML)


def _invalid(name: str, message: str, status: int = 400) -> Fault:
    return _http(name, status, "invalid_request_error", message)


def _rate(name: str, *headers: tuple[str, str], message: str = _RATE) -> Fault:
    return _http(name, 429, "rate_limit_error", message, *headers)


def _sse(name: str, how: FaultShape, error_type: str, message: str, fallback: Fallback = Fallback.SAME) -> Fault:
    status = {"overloaded_error": 529, "rate_limit_error": 429, "invalid_request_error": 400}.get(error_type, 500)
    return Fault(name, how, status, error_type, message, fallback=fallback)


_NO_RETRY = ("x-should-retry", "false")
_UNIFIED = (
    ("anthropic-ratelimit-unified-representative-claim", "five_hour"),
    ("anthropic-ratelimit-unified-reset", _RESETS_AT),
    ("anthropic-ratelimit-unified-5h-reset", _RESETS_AT),
    ("anthropic-ratelimit-unified-overage-status", "rejected"),
    ("anthropic-ratelimit-unified-overage-disabled-reason", "org_level_disabled"),
)
_REJECTED = (("anthropic-ratelimit-unified-status", "rejected"), ("anthropic-ratelimit-unified-5h-status", "rejected"))
_WARNING = (
    ("anthropic-ratelimit-unified-status", "allowed_warning"),
    ("anthropic-ratelimit-unified-5h-status", "allowed_warning"),
    ("anthropic-ratelimit-unified-5h-utilization", "0.92"),
)
_REQUESTS = (
    ("anthropic-ratelimit-requests-limit", "50"),
    ("anthropic-ratelimit-requests-remaining", "0"),
    ("anthropic-ratelimit-requests-reset", _RESETS_ON),
    ("retry-after", "3"),
)

_OVERLOADED = ("overloaded_error", "Overloaded")
_INTERNAL = ("api_error", "Internal server error")

_HTTP_FAULTS = (
    _invalid("http400_cache_control", "A maximum of 4 blocks with cache_control may be provided. Found 5."),
    _invalid("http400_content_filter", "Output blocked by content filtering policy"),
    _invalid("http400_credit_balance", _CREDIT),
    _invalid("http400_empty_text", "messages: text content blocks must be non-empty"),
    _invalid("http400_maxtok_exceed_context", _CONTEXT),
    _invalid("http400_org_disabled", "This organization has been disabled."),
    _invalid("http400_prompt_too_long", "prompt is too long: 208310 tokens > 200000 maximum"),
    _invalid("http400_thinking_block", _THINKING),
    _invalid("http400_tool_pair", _TOOL_PAIR),
    _invalid("http400_usage_limit_spend", _SPEND),
    _http("http401_invalid_key", 401, "authentication_error", "invalid x-api-key"),
    _http("authtoken_401", 401, "authentication_error", "invalid x-api-key"),
    _http("http402_billing", 402, "billing_error", "There is an issue with your billing or payment information."),
    _html("http403_html", 403, "Forbidden"),
    _http("http403_oauth_revoked", 403, "permission_error", "OAuth token revoked"),
    _http("oauth_env_token_revoked_403", 403, "permission_error", "OAuth token revoked"),
    _http("http404_model", 404, "not_found_error", "model: {model}"),
    _http("http413", 413, "request_too_large", "Request exceeds the maximum size"),
    _html("http413_html", 413, "Request Entity Too Large"),
    _invalid("http422", "messages: text content blocks must be non-empty", status=422),
    _rate("http429_concurrent", message=_CONCURRENT),
    _rate("http429_extra_usage", message="Extra usage is required for long context requests."),
    _rate("http429_plain"),
    _rate("http429_ratelimit_headers", *_REQUESTS),
    _rate("http429_retry_after_2", ("retry-after", "2")),
    _rate("http429_retry_after_45", ("retry-after", "45")),
    _rate("http429_should_retry_false", _NO_RETRY),
    _rate("http429_unified_quota", *_REJECTED, *_UNIFIED),
    _rate("oauth_quota_429_unified", *_REJECTED, *_UNIFIED),
    _http("http500", 500, *_INTERNAL),
    _http("http500_should_retry_false", 500, *_INTERNAL, _NO_RETRY),
    replace(_http("http500_twice_then_ok", 500, *_INTERNAL), times=2),
    _html("http502_html", 502, "Bad Gateway"),
    _http("http503", 503, "api_error", "Service temporarily unavailable"),
    Fault("http503_envoy_text", FaultShape.ERROR, 503, "", _ENVOY, content_type="text/plain"),
    _html("http503_html", 503, "Service Unavailable"),
    _html("http504_html", 504, "Gateway Timeout"),
    _http("http504_timeout", 504, "timeout_error", "Request timed out"),
    _http("http529", 529, *_OVERLOADED),
    replace(_http("http529_fallback_model", 529, *_OVERLOADED), times=2),
    Fault("oauth_warning_headers", FaultShape.HEADERS, headers=(*_WARNING, *_UNIFIED)),
)

_AFTER = "sse_error_after_complete_block"
_STREAM_FAULTS = (
    _sse(_AFTER, FaultShape.SSE_ERROR_AFTER, *_INTERNAL),
    _sse(f"{_AFTER}_nofallback", FaultShape.SSE_ERROR_AFTER, *_INTERNAL),
    _sse(f"{_AFTER}_fallback_529", FaultShape.SSE_ERROR_AFTER, *_INTERNAL, Fallback.OVERLOADED),
    _sse(f"{_AFTER}_fallback_ok", FaultShape.SSE_ERROR_AFTER, *_INTERNAL, Fallback.ANSWERED),
    _sse("sse_error_overloaded_first_nofallback", FaultShape.SSE_ERROR_FIRST, *_OVERLOADED),
    _sse("sse_error_overloaded_mid_nofallback", FaultShape.SSE_ERROR_MID, *_OVERLOADED),
    _sse("sse_error_rate_limit_first_nofallback", FaultShape.SSE_ERROR_FIRST, "rate_limit_error", _RATE),
    _sse("sse_error_api_error_mid_fallback_ok", FaultShape.SSE_ERROR_MID, *_INTERNAL, Fallback.ANSWERED),
    _sse(
        "sse_error_invalid_request_first_fallback_ok",
        FaultShape.SSE_ERROR_FIRST,
        "invalid_request_error",
        "messages: text content blocks must be non-empty",
        Fallback.ANSWERED,
    ),
    Fault("sse_bad_json_nofallback", FaultShape.SSE_BAD_JSON),
    Fault("sse_empty_fallback_ok", FaultShape.SSE_EMPTY, fallback=Fallback.ANSWERED),
    Fault("sse_truncated_clean_fallback_ok", FaultShape.SSE_UNFINISHED, fallback=Fallback.ANSWERED),
    Fault("sse_truncated_clean_nofallback", FaultShape.SSE_UNFINISHED),
    Fault("stop_refusal", FaultShape.REFUSAL),
    Fault("ping_only_35s", FaultShape.PINGS),
    Fault("stall_mid_api_timeout_8s", FaultShape.STALL_MID),
    Fault("stall_mid_default_40s", FaultShape.STALL_MID),
)

_TRANSPORT_FAULTS = (
    Fault("first_byte_never_api_timeout_5s", FaultShape.NO_BYTES),
    Fault("first_byte_never_first_byte_timeout_3s", FaultShape.NO_BYTES),
    Fault("http_bad_chunk", FaultShape.BAD_CHUNK),
    Fault("http_garbage", FaultShape.NOT_HTTP),
    Fault("net_close_before", FaultShape.CLOSE_BEFORE),
    Fault("net_rst_before", FaultShape.RESET_BEFORE),
    Fault("net_refused_once_then_ok", FaultShape.RESET_BEFORE, times=1),
    Fault("net_rst_mid_stream", FaultShape.RESET_MID),
    Fault("rst_mid_stream_nofallback", FaultShape.RESET_MID),
    Fault("net_truncated_chunked", FaultShape.CUT_MID),
    Fault("truncated_chunked_nofallback", FaultShape.CUT_MID),
    Fault("truncated_chunked_fallback_ok", FaultShape.CUT_MID, fallback=Fallback.ANSWERED),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*_HTTP_FAULTS, *_STREAM_FAULTS, *_TRANSPORT_FAULTS)}
