"""Where secrets stand in a text: tokens, passwords and private keys. Pure; whoever shows a tool's input uses it.

Only the letters of a token itself are found, never what could be a command, so that nothing can hide behind it: a value
ends at whatever the shell acts on, and one that is a path, a call or a substitution is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SHOWN = "‹secret›"
"""What stands in place of a secret where nobody can put it back."""
_WINDOW, _LONGEST = 16_384, 4096
"""Characters that are searched at once (a search lets no other thread run), and what a secret has at most."""
_VALUE = r"[^\s\"'`$;|&<>(){}\[\],\\‹]"
_QUOTED = r"[^\s\"'`$;|&<>\\‹]"
_END = r"(?=[\"'\s;|&>)}\],\\]|<(?!\()|$)"
_NO_VALUE = (
    r"(?!-----|[~.]{0,2}/(?![A-Za-z0-9/+]{39}(?![A-Za-z0-9/+])))"
    r"(?!(?i:true|false|none|null|nil|undefined|str|string|bytes|int|bool|boolean|any|optional|required|self|this|os|env"
    r"|process|config|settings)\b)"
)
_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk-ant-|sk-proj-|(?:sk|rk|pk)_(?:live|test)_|whsec_|gh[oprsu]_|github_pat_|gl(?:pat|dt|rt|ptt|oas)-"
    r"|xox[abceoprs]-|xapp-|AKIA|ASIA|AIza|shp(?:at|ca|pa|ss)_|do[opr]_v1_|dckr_pat_|glsa_|lin_api_|figd_|nvapi-|xai-"
    r"|AGE-SECRET-KEY-1|sq0(?:atp|csp)-|ATATT)(?P<known>[A-Za-z0-9_\-]{10,512}+)"
    r"|(?:SG\.|hvs\.|ya29\.)(?P<dotted>[A-Za-z0-9_\-]{10,512}+(?:\.[A-Za-z0-9_\-]{10,512}+)?)"
    r"|(?:sk-|npm_|pypi-|hf_|gsk_|r8_)(?P<digits>(?=[A-Za-z_\-]{0,200}[0-9])[A-Za-z0-9_\-]{12,512}+)"
    r"|(?P<jwt>eyJ[A-Za-z0-9_\-]{8,2048}+\.[A-Za-z0-9_\-]{2,2048}+(?:\.[A-Za-z0-9_\-]{0,2048}+)?))"
)
_HEADER = re.compile(
    r"(?i:\b(?:proxy-)?authorization[\"']?[ \t]{0,3}[:=][ \t]{0,3}[\"']?"
    r"(?:bearer|basic|token|bot|digest|apikey)?[ \t]{0,3})(?P<header>[A-Za-z0-9_\-.+/=~:]{8,2048}+)"
    r"|(?i:\b(?:bearer|basic)[ \t]{1,3})"
    r"(?P<bearer>(?![~./])(?=[A-Za-z_\-.+/=~]{0,200}[0-9])[A-Za-z0-9_\-.+/=~]{12,2048}+)"
)
_NAME = (
    r"(?i:(?P<short>passwor[dt]|passwd|passphrase|pwd|secret|(?<=[_-])pass(?![\w-]))"
    r"|token|api[_-]?key|(?:access|private|secret|encryption|signing|account|client|auth|master|shared)[_-]?key)"
    r"(?![\w-]{0,40}(?i:file|path|url|uri|dir|helper|command|cmd|program|exec|hook|script|endpoint))"
    r"(?i:[\w-]{0,40}+)"
)
_BETWEEN = r"[\"']?(?:[ \t]{0,3}(?:=>|:=|:)[ \t]{0,3}|[ \t]{1,3}=[ \t]{1,3}|=)"
_FIELD = re.compile(
    rf"{_NAME}{_BETWEEN}(?:\"{_NO_VALUE}(?P<double>{_QUOTED}{{4,512}}+)(?=\")"
    rf"|'{_NO_VALUE}(?P<single>{_QUOTED}{{4,512}}+)(?=')"
    rf"|(?P<plain>(?![\"']){_NO_VALUE}(?![0-9.]{{1,8}}{_END}){_VALUE}{{4,512}}+{_END}))"
)
_FLAG = re.compile(
    r"(?<![\w-])--?(?i:password|passwd|pass|token|secret|api-?key|access-?key|auth-?token|client-secret)"
    r"[ \t]{1,3}[\"']?"
    rf"(?P<flag>(?![-~./])(?=[^\s0-9!@#%^*+]{{0,200}}[0-9!@#%^*+]){_VALUE}{{4,512}}+){_END}"
    rf"|\bcurl\b[^\n;|&]{{0,160}}?[ \t](?:-u|--user)[ =]?[ \t]{{0,3}}[\"']?[\w.@%-]{{0,80}}:"
    rf"(?P<user>{_VALUE}{{3,200}}+){_END}"
    rf"|(?i:\blogin[ \t]+[^\s]{{1,80}}[ \t]+password[ \t]+)(?P<netrc>{_VALUE}{{3,200}}+){_END}"
)
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]{0,20}://(?:[\w.%+-]{0,80}:(?P<url>[^\s/'\"$`;|&<>()\\‹]{3,200})(?=@[\w.-])"
    r"|(?P<userinfo>[A-Za-z0-9_-]{20,200}+)(?=@))"
    r"|(?i:[?&](?:sig|signature|key|code|auth|access_token|sv_token)=)(?P<query>[\w%\-.+/=~]{12,512}+)"
)
_STARTS = (
    *("sk-", "sk_", "rk_", "pk_", "whsec_", "ghp_", "gho_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "gldt-"),
    *("glrt-", "glptt-", "gloas-", "xox", "xapp-", "akia", "asia", "aiza", "shpat_", "shpca_", "shppa_", "shpss_"),
    *("_v1_", "dckr_pat_", "glsa_", "lin_api_", "figd_", "nvapi-", "xai-", "age-secret", "sq0", "atatt", "sg.", "hvs."),
    *("ya29.", "npm_", "pypi-", "hf_", "gsk_", "r8_", "eyj"),
)
_WORDS = ("pass", "pwd", "secret", "token", "key")
_PATTERNS = (
    (_KNOWN, _STARTS),
    (_HEADER, ("authorization", "bearer", "basic")),
    (_FIELD, _WORDS),
    (_FLAG, (*_WORDS, "curl")),
    (_ADDRESS, ("://", "?", "&")),
)
"""Each pattern, and what a text in small letters holds at least one of where the pattern finds anything."""
_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:\\[rn]|(?!-----)[\s\"'+,\\#>|*-]){1,40}"
    r"(?:Proc-Type|DEK-Info|Comment|Version|Charset|Hash): [^\n\\]{0,120})*"
)
_KEY_LINE = re.compile(
    r"(?:\\[rn]|(?!-----)[\s\"'+,\\#>|*-]){0,40}"
    r"(?P<line>[A-Za-z0-9+/]{40,4096}+={0,2}|(?=[a-z0-9+/]{0,40}[A-Z])[A-Za-z0-9+/]{2,39}+={0,2}|=[A-Za-z0-9+/]{4})"
    r"(?=\\[rn]|[\s\"'+,\\‹-]|$)"
)
_MOST_KEY_LINES = 400


def secrets_in(text: str) -> list[tuple[int, int]]:
    """Where each secret begins and ends, in order; none overlaps another. The lines of a private key stand alone."""
    found = sorted({*_keys(text), *_others(text)})
    kept: list[tuple[int, int]] = []
    for begin, end in found:
        if kept and begin < kept[-1][1]:
            kept[-1] = kept[-1][0], max(end, kept[-1][1])
        else:
            kept.append((begin, end))
    return kept


def redact(text: str) -> str:
    """The text with SHOWN in place of each secret."""
    parts, at = [], 0
    for begin, end in secrets_in(text):
        parts += [text[at:begin], SHOWN]
        at = end
    return "".join([*parts, text[at:]]) if at else text


def _others(text: str) -> Iterator[tuple[int, int]]:
    """What the patterns name, window by window; a secret that begins in one may end behind it."""
    for begin in range(0, len(text), _WINDOW):
        small = text[max(0, begin - 1) : begin + _WINDOW + _LONGEST].lower()
        for pattern, needed in _PATTERNS:
            if any(word in small for word in needed):
                yield from _spans(pattern, text, begin)


def _spans(pattern: re.Pattern[str], text: str, begin: int) -> Iterator[tuple[int, int]]:
    at, last = begin, begin + _WINDOW
    while (found := pattern.search(text, at, last + _LONGEST)) and found.start() < last:
        group = found.lastgroup
        if group is not None and _is_secret(found, group):
            yield found.span(group)
        at = max(found.end(), at + 1)


def _is_secret(found: re.Match[str], group: str) -> bool:
    """Whether a value is long enough for its name: that of a token or key has eight characters at least."""
    if group not in {"double", "single", "plain"}:
        return True
    if _ALIAS.search(found.string, max(0, found.start() - _NAME_BEFORE), found.start()):
        return False  # what an alias stands for is run
    return found["short"] is not None or len(found[group]) >= _SHORTEST_TOKEN


_SHORTEST_TOKEN, _NAME_BEFORE = 8, 80
_ALIAS = re.compile(r"\balias\s(?:[^;|&\n]*\s)?[\w-]*\Z")


def _keys(text: str) -> Iterator[tuple[int, int]]:
    """The lines of private keys, also of one whose end is not there."""
    at = 0
    while (at := text.find("-----BEGIN ", at)) >= 0:
        head = _KEY.match(text, at)
        at = head.end() if head is not None else at + 1
        for _line in range(_MOST_KEY_LINES if head is not None else 0):
            found = _KEY_LINE.match(text, at)
            if found is None:
                break
            yield found.span("line")
            at = found.end()
