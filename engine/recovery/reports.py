"""Which lines of a text report a failure: talk about errors, code, test names, warnings and log chatter do not."""

from __future__ import annotations

import re

_DEED = (
    r"fix(?:ed|es)?|add(?:ed|s|ing)?|handle[ds]?|refactor(?:ed|s)?|renamed?|improve[ds]?|updated?|wrote|write[sn]?"
    r"|implement(?:ed|s)?|remove[ds]?|document(?:ed|s)?|support(?:ed|s)?|changed?|explain(?:ed|s)?|catch(?:es)?|test(?:ed|s)"
    r"|covers?|make[s]?|prevent(?:ed|s)?|avoid(?:ed|s)?|increased?|moved?|replaced?|introduced?|investigated?|checked"
)
_STARTS = re.compile(
    rf"""\s*(?:
      [-+]\s | @@\s | diff\s--git | [-+]{{3}}\s[ab/] | \|\s | \#+\s | // | /\* | \*\s | \"\"\" | '''
    | (?:except|raise|throw|def|func|function|import|export|const|let|var|assert|return|try|finally|elif|async|await|yield|public|private)\b(?![:!])
    | (?:class|if|for|while|switch|case|with|from)\b.*[:{{(]\s*$ | from\s\S+\simport\b | if\s+\w+\s*[!=]= | \}}\s*(?:catch|else|finally)
    | (?:fix|feat|docs?|test|tests|chore|refactor|perf|build|ci|style|revert)(?:\([^)]*\))?!?:\s
    | [0-9a-f]{{7,40}}\s+\w | \[[\w/.-]+\s[0-9a-f]{{7,40}}\] | Merge\s(?:branch|pull|remote|tag) | \d+\sfiles?\schanged
    | (?:[-*•]\s+)?(?:(?:I|We)(?:'ve|'ll|\s+have|\s+will|\s+also|\s+just)*\s+)?(?i:{_DEED})\b(?!\s*(?::|error\b))
    | (?:I|We)(?:\s+(?!/)|'(?:ve|ll|m|d)\b)
    | (?:Here(?:'s|\sis)|Let\s(?:me|us)|Let's|How\s(?:to|do|can)|What\s|Why\s|When\s|Whether\s|If\s|Would\syou|You\scan|Should\s)
    | (?:Use|See|Note|Example|Usage|Done|Summary|Listing|TODO|Next|Now|First|Finally)\b
    | This\s(?:change|commit|test|function|patch|PR|means|handles|adds|is\s(?:expected|fine|the))\b
    | The\s(?:tests?|functions?|method|code|handlers?|class|fix|build|change|docs?|user\s(?:asked|wants)|(?:\w+\s){{0,3}}errors?\s(?:handl\w+|message|path|class|was|is\snow|comes)|\d{{3}}\sstatus)\b
    | It\s(?:raises|returns|handles|retries|now|also)\b
    | (?:No|Zero|0)\s(?:\w+\s)?(?:errors?|issues?|problems?|failures?|warnings?|vulnerabilities)\b
    | Success | \w+\spassed\b
    | (?:\S+:\d+:\s|\(\S+:\d+\)\s)?[\W]*(?:warn(?:ing)?|hint|note|notice|info|debug|trace)\b\s*[\]:!)-] | npm\swarn
    | (?:\S+:\s)?\(?\w*(?:Warning)\b[:)] | \(node:\d+\)\s.*Warning: | <\w+>:\d+:\s\w+Warning
    | (?:PASS|ok|not\sok|FAILED|FAIL|E)\s+(?:\d|\S+(?:/|::|\.)\S+|\s\S) | ---\s(?:PASS|FAIL|SKIP) | [✓✔√☑●]
    | ["']?[\w.-]+["']?\s*[:=]\s*(?:-?\d+(?:\.\d+)?\w{{0,3}}|null|None|\[\]|\{{\}}|true|false)\s*,?(?:\s*\#.*)?$
    | ["'][\w.-]+["']\s*:\s*["'].*["']\s*,?$ | [\w.-]+\s*=\s*["'].*["'];?$
    | [A-Z][A-Z0-9_]+\s=\s
    )""",
    re.VERBOSE,
)
_ANYWHERE = re.compile(
    r"""\b(?:INFO|DEBUG|TRACE|NOTICE|VERBOSE)\b | "(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s[^"]*"\s[123]\d\d\b
    | \b(?:PASSED|SKIPPED|XFAIL)\b | \b\d+\s(?:tests?\s)?passed\b | \b(?:checks?|validation|tests?)\spassed\b | \s\[\s*\d+%\]$
    | \b(?:0|no)\s(?:errors|failures|warnings|failed|vulnerabilities)\b | \b(?i:exit)(?:ed)?(?:\swith)?\s(?:code|status)\s0\b
    | \b(?:recovered\sfrom|reconnected|succeeded\s(?:on|after)|(?:was|were|been|is)\s(?:fixed|solved|handled|expected)
      |(?:request|build|turn|retry)\ssucceeded|(?:connection|session|link)\srestored|falling\sback|fell\sback|ignoring\b
      |no\slonger\s(?:occurs?|happens?|fails?|appears?)|as\s(?:expected|documented|intended)|but\strusted|were\sleft\suntouched
      |(?:will|may)\sbe\sreached|until\sit\sis\srestored)\b
    | \blevel=(?:info|debug|trace|warn\w*)\b | "level"\s*:\s*"(?:info|debug|warn\w*)"
    | \.(?:py|ts|tsx|js|go|rs|md)\s{2,}\S+\.(?:py|ts|js|go|rs|md)\b | ^\s*\[[a-z]+-[a-z]+:[a-z_]+\]""",
    re.VERBOSE,
)
_WARNING = re.compile(r"\s*(?:\(node:\d+\)\s)?(?:\[?warn(?:ing)?\]?|\w+Warning)\b\s*:", re.IGNORECASE)
_REPORTS = re.compile(
    r"""(?:^|[\s\[(|>"])(?:error|err!|fatal|critical|panic|emerg|alert|failure|exception|cause|failed)\b\s*[:!\])\[(-]
    | ^\W*(?:api\s)?(?:error|failed|failure|fatal|unable|cannot|can't|could\snot|couldn't|abort(?:ed)?|denied|npm\serr)\b
    | \b\w*(?:error|exception|timeout|disconnected|interrupt|exit|abort)\b\s*(?::|\(|$|\]|at\s)
    | ^\W*[45]\d\d\s
    | \b(?:spawn|connect|read|write|open|getaddrinfo|fork|mkdir|kill|scandir|stat|unlink|rename|watch)\s+E[A-Z]{3,} | \b(?:errno|code)\b | \([A-Z][A-Z0-9_]{4,}\) | ^\W*\S+:\s""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_FRAME = re.compile(r"""\s+(?:File\s".*",\sline\s\d+|at\s\S+.*\(?\S+:\d+|\^+\s*$|~+)|Traceback\s\(most\srecent""", re.VERBOSE)


def reporting_lines(text: str, *, failed: bool) -> str:
    """The lines of a text that may report a failure.

    Of a failure that is known only warnings and stack frames are left out; where just the text can tell, everything
    that speaks about errors without reporting one.
    """
    lines = text.splitlines()
    if failed:
        kept = [line for line in lines if not _WARNING.match(line)]
    elif any(line.startswith(("diff --git ", "@@ ")) for line in lines):
        return ""
    else:
        kept = [line for line in _outside_tracebacks(lines) if not _STARTS.match(line) and not _ANYWHERE.search(line)]
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
