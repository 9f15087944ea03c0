"""Which lines of a text report a failure: talk about errors, code, test names, warnings and log chatter do not."""

from __future__ import annotations

import re

_DEEDS = (
    r"fix(?:ed|es)?|add(?:ed|s|ing)?|handle[ds]?|refactor(?:ed|s)?|renamed?|improve[ds]?|updated?|wrote|write[sn]?",
    r"implement(?:ed|s)?|remove[ds]?|document(?:ed|s)?|support(?:ed|s)?|changed?|explain(?:ed|s)?|catch(?:es)?",
    r"test(?:ed|s)|covers?|makes?|prevent(?:ed|s)?|avoid(?:ed|s)?|increased?|moved?|replaced?|introduced?",
    r"investigated?|checked",
)
_CODE = (
    r"[-+]\s|@@\s|diff --git|[-+]{3}\s[ab/]|\|\s|#+\s(?!Fatal|A fatal|There is insuff)|//|/\*|\*\s|\"\"\"|'''",
    r"(?:except|raise|throw|def|func|function|import|export|const|let|var|assert|return|try|finally|elif|async|await)\b(?![:!])",
    r"(?:class|if|for|while|switch|case|with|from|public|private)\b.*[:{(]\s*$",
    r"[rfb]{0,2}[\"'](?!\S*:\s)|\w+(?:\.\w+)* = [\w\[({]|\w+: \{",
    r"from \S+ import\b|if \w+\s*[!=]= |\}\s*(?:catch|else|finally)",
    r"[\"']?[\w.-]+[\"']?\s*[:=]\s*(?:-?\d+(?:\.\d+)?\w{0,3}|null|None|\[\]|\{\}|true|false)\s*,?(?:\s*#.*)?$",
    r"[\"'][\w.-]+[\"']\s*:\s*[\"'].*[\"']\s*,?$|[\w.-]+\s*=\s*[\"'].*[\"'];?$|[A-Z][A-Z0-9_]+ = ",
)
_VERSIONS = (
    r"(?:fix|feat|docs?|test|tests|chore|refactor|perf|build|ci|style|revert)(?:\([^)]*\))?!?:\s",
    r"[0-9a-f]{7,40} \w|\[[\w/.-]+ [0-9a-f]{7,40}\]|Merge (?:branch|pull|remote|tag)|\d+ files? changed",
)
_TALK = (
    rf"(?:[-*•]\s+)?(?:(?:I|We)(?:'ve|'ll| have| will| also| just)*\s+)?(?i:{'|'.join(_DEEDS)})\b(?!\s*(?::|error\b))",
    r"(?:I|We)(?:\s+(?!/)|'(?:ve|ll|m|d)\b)",
    r"(?:Here(?:'s| is)|Let (?:me|us)|Let's|How (?:to|do|can)|What |Why |When |Whether |If |Would you|You can|Should )",
    r"(?:Use|See|Note|Example|Usage|Done|Summary|Listing|TODO|Next|Now|First|Finally)\b",
    r"This (?:change|commit|test|function|patch|PR|means|handles|adds|is (?:expected|fine|the))\b",
    r"The (?:tests?|functions?|method|code|handlers?|class|fix|build|change|docs?|user (?:asked|wants)|\d{3} status)\b",
    r"The (?:\w+ ){0,3}errors? (?:handl\w+|message|path|class|was|is now|comes)\b",
    r"(?:Some|Many|Most|Both|Two|Three|These|Those|They|Notice that|Probably|Perhaps|Maybe)\b",
    r"Exit code \d+ \w+\b|\S+ means ",
    r"It (?:raises|returns|handles|retries|now|also)\b",
    r"(?:No|Zero|0) (?:\w+ )?(?:errors?|issues?|problems?|failures?|warnings?|vulnerabilities)\b|Success|\w+ passed\b",
)
_CHATTER = (
    r"[\w./-]+\.[a-z]{1,4}(?::\d+:|\(\d+,\d+\))",
    r"(?:\S+:\d+:\s|\(\S+:\d+\)\s)?\W*(?:warn(?:ing)?|hint|note|notice|info|debug|trace)\b\s*[\]:!)-]|npm warn",
    r"(?:\S+:\s)?\(?\w*(?:Warning)\b[:)]|\(node:\d+\) .*Warning: |<\w+>:\d+: \w+Warning",
    r"(?:PASS|ok|not ok|FAILED|FAIL|E)\s+(?:\d|\S+(?:/|::|\.)\S+|\s\S)|--- (?:PASS|FAIL|SKIP)|[✓✔√☑●]",
)
_CHATTER_ANYWHERE = (
    r"\b(?:INFO|DEBUG|TRACE|NOTICE|VERBOSE)\b|\blevel=(?:info|debug|trace|warn\w*)\b",
    r'"level"\s*:\s*"(?:info|debug|warn\w*)"|^\s*\[[a-z]+-[a-z]+:[a-z_]+\]',
    r'"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) [^"]*" [123]\d\d\b',
    r"\b(?:PASSED|SKIPPED|XFAIL)\b|\b\d+ (?:tests? )?passed\b|\b(?:checks?|validation|tests?) passed\b|\s\[\s*\d+%\]$",
    r"\b(?:0|no) (?:errors|failures|warnings|failed|vulnerabilities)\b",
    r"\b(?i:exit)(?:ed)?(?: with)? (?:code|status) 0\b",
    r"\b(?:recovered from|reconnected|succeeded (?:on|after)|(?:was|were|been|is) (?:fixed|solved|handled|expected))\b",
    r"\b(?:(?:request|build|turn|retry) succeeded|(?:connection|session|link) restored|falling back|fell back)\b",
    r"\b(?:ignoring|no longer (?:occurs?|happens?|fails?|appears?)|as (?:expected|documented|intended))\b",
    r"\b(?:now|correctly|properly) (?:reports?|returns?|raises?|throws?|handles?|retries)\b",
    r"\b(?:throws|raises|handles)\b",
    r"\b(?:typically|consistently|most likely)\b",
    r"\b(?:but trusted|were left untouched|(?:will|may) be reached|until it is restored)\b",
    r"\.(?:py|ts|tsx|js|go|rs|md)\s{2,}\S+\.(?:py|ts|js|go|rs|md)\b",
)
_STARTS = re.compile(rf"\s*(?:{'|'.join((*_CODE, *_VERSIONS, *_TALK, *_CHATTER))})")
_ANYWHERE = re.compile("|".join(_CHATTER_ANYWHERE))
_WARNING = re.compile(r"\s*(?:\(node:\d+\)\s)?(?:\[?warn(?:ing)?\]?|\w+Warning)\b\s*:", re.IGNORECASE)
_REPORT_FORMS = (
    r"(?:^|[\s\[(|>\"])(?:error|err!|fatal|critical|panic|emerg|alert|failure|exception|cause|failed)\b\s*[:!\])\[(-]",
    r"^\W*(?:api )?(?:error|failed|failure|fatal|unable|cannot|can't|could not|couldn't|abort(?:ed)?|denied|npm err)\b",
    r"\b\w*(?:error|exception|timeout|disconnected|interrupt|exit|abort)\b\s*(?::|\(|$|\]|at\s)",
    r"^\W*[45]\d\d\s|\b(?:errno|code)\b|\([A-Z][A-Z0-9_]{4,}\)|^\W*\S+:\s",
    r"\b(?:spawn|connect|read|write|open|getaddrinfo|fork|mkdir|kill|scandir|stat|unlink|rename|watch) E[A-Z]{3,}",
)
_REPORTS = re.compile("|".join(_REPORT_FORMS), re.IGNORECASE | re.MULTILINE)
_FRAME = re.compile(r'\s+(?:File ".*", line \d+|at \S+.*\(?\S+:\d+|\^+\s*$|~+)|Traceback \(most recent')


def reporting_lines(text: str, *, failed: bool) -> str:
    """The lines of a text that may report a failure.

    Of a failure that is known only warnings and stack frames are left out; where just the text can tell, everything
    that speaks about errors without reporting one.
    """
    lines = _outside_tracebacks(text.splitlines())
    if failed:
        kept = [line for line in lines if not _WARNING.match(line)]
    elif any(line.startswith(("diff --git ", "@@ ")) for line in lines):
        return ""
    else:
        kept = [line for line in lines if not _STARTS.match(line) and not _ANYWHERE.search(line)]
    return "\n".join(kept)


def reports_failure(text: str) -> bool:
    """Whether the form of a text is that of a report: `error:`, `fatal:`, an exception's name, an errno in brackets."""
    return _REPORTS.search(text) is not None


def _outside_tracebacks(lines: list[str]) -> list[str]:
    """Without stack frames and the source lines that stand under them."""
    kept, under_frame = [], False
    for line in lines:
        frame = _FRAME.match(line) is not None
        if not frame and not (under_frame and line.startswith("    ")):
            kept.append(line)
        under_frame = frame
    return kept
