"""Which lines of a text report a failure: talk about errors, code, test names, warnings and log chatter do not.

Beginnings and words that are never a report's leave a line out at once. What only speaks of errors in general (prose,
counters that stand well, commands and code around a quoted message) leaves it out unless it begins like a report.
"""

from __future__ import annotations

import re

_DEEDS = (
    r"fix(?:ed|es)?|add(?:ed|s|ing)?|handle[ds]?|refactor(?:ed|s)?|rename[sd]?|improve[ds]?|updated?|wrote|writes",
    r"written",
    r"implement(?:ed|s)?|remove[ds]?|document(?:ed|s)?|support(?:ed|s)?|changed?|explain(?:ed|s)?|catch(?:es)?",
    r"test(?:ed|s)|covers?|makes?|prevent(?:ed|s)?|avoid(?:ed|s)?|increased?|moved?|replaced?|introduced?",
    r"investigated?|checked|describe[sd]?|mention(?:ed|s)?|reword(?:ed|s)?|translate[sd]?|clarif(?:y|ied|ies)",
    r"bump(?:ed|s)?",
    r"mock(?:ed|s)|simulate[sd]?|reproduce[sd]?|patched|rewrote|searched|grepped|reviewed|teach(?:es)?|revert(?:ed|s)?",
)
_CODE = (
    r"[-+]\s|@@\s|diff --git|[-+]{3}\s[ab/]|\|\s|#\s?(?:define|include|ifn?def|undef|pragma|error|elif|endif)\b",
    r"#!?\[|#+\s(?!Fatal|A fatal|There is insuff)|//|/\*|\*\s|\"\"\"|'''",
    r"(?:except|raise|throw|def|func|function|import|export|const|let|var|assert|return|try|finally|elif|async|await)\b(?![:!])",
    r"(?:class|if|for|while|switch|case|with|from|public|private)\b.*[:{(]\s*$",
    r"[rfb]{0,2}[\"'](?!\S*:\s)(?![^\"']+[\"'] (?:is|was|has|does|could|can|cannot|not|requires|must)\b)",
    r"\w+(?:\.\w+)* = [\w\[({]|\w+: \{",
    r"from \S+ import\b|if \w+\s*[!=]= |\}\s*(?:catch|else|finally)",
    r"[\"']?[\w.-]+[\"']?\s*[:=]\s*(?:-?\d+(?:\.\d+)?\w{0,3}|null|None|\[\]|\{\}|true|false)\s*,?(?:\s*#.*)?$",
    r"[\"'][\w.-]+[\"']\s*:\s*[\"'].*[\"']\s*,?$|[\w.-]+\s*=\s*[\"'].*[\"'];?$|[A-Z][A-Z0-9_]+ = ",
    r"(?:default:|case\s+[\w\"'.*&(-].*:(?:\s|$))|msg(?:id|str|ctxt)\b|@\w+(?:\.\w+)*(?:\(|$)|>>>\s|%\w+\s+=",
    r"<\w+ (?:name|id|key|class)=",
    r"(?:it|test|describe|context|specify|expect|suite|scenario|should|assert\w*|printf?|println|puts|log(?:ger|ging)?|console|fmt|mock\w*|jest|vi|sinon|self|this|t|fail|new \w+)(?:\.\w+)*!?\(",
    r"(?:SELECT|INSERT INTO|UPDATE|CREATE TABLE|ALTER TABLE|RUN|COPY|CMD|HEALTHCHECK|ENV|Scenario|Feature|Given|Then|And)\s\S",
)
_COMMANDS = (
    r"[$%>❯]\s+[\w./\"']",
    r"(?:sudo\s+)?(?:sed|[erz]?grep|rg|ag|g?awk|jq|tail|head|less|cat|echo|printf|journalctl|dmesg|perl|tr|xargs|logger)\s+[-\w'\"/$.]",
    r"git (?:log|grep|commit|show|blame|diff|checkout|stash|tag)\s",
    r"(?:curl|wget|python3?|node|bash|sh|make|ssh) -{1,2}\w",
)
_FILES = (
    r"(?:\S+\.ya?ml:\s+)?-?\s*(?:alert|expr|description|annotations|labels|summary|runbook_url|pattern|regex|tooltip|placeholder|uses|label|help|title)\s*:\s",
    r"-\s\w+:\s|\S+\.\w{1,4}:\s+(?:-\s|//|#|/\*)|\d+\.\s+\S|--[\w-]+(?:[ =]<\w+>)?\s{2,}\S|E[A-Z]+\s{2,}\S",
)
_VERSIONS = (
    r"(?:fix|feat|docs?|test|tests|chore|refactor|perf|build|ci|style|revert)(?:\([^)]*\))?!?:\s",
    r"[0-9a-f]{7,40} \w|\[[\w/.-]+ [0-9a-f]{7,40}\]|Merge (?:branch|pull|remote|tag)|\d+ files? changed",
    r"(?:modified|deleted|new file|renamed):\s{2,}|(?:create|delete) mode \d",
)
_TALK = (
    rf"(?:[-*•]\s+)?(?:(?:I|We)(?:'ve|'ll| have| will| also| just)*\s+)?(?i:{'|'.join(_DEEDS)})\b(?!\s*(?::|error\b|/\S|E[A-Z]{3}))",
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
    r"(?:\S+:\d+:\s|\(\S+:\d+\)\s)?\W*(?:(?i:warn(?:ing)?)|hint|note|notice|info|debug|trace)\b\s*[\]:!)-]|npm warn",
    r"(?:\S+:\s)?\(?\w*(?:Warning)\b[:)]|\(node:\d+\) .*Warning: |<\w+>:\d+: \w+Warning",
    r"(?:PASS|ok|not ok|FAILED|FAIL|E)\s+(?:\d|\S+(?:/|::|\.)\S+|\s\S)|--- (?:PASS|FAIL|SKIP)|=== \w+",
    r"\[ +(?:OK|RUN|PASSED) +\]|[✓✔√☑●✅]",
    r"(?:\S+\s+){0,4}?\[(?i:info|debug|trace|notice|verbose)\]|tool_(?:result|use)\b",
    r"test \S+ \.\.\.|should (?:not )?[a-z]|Test (?:Case|Suite) |[IDV]\d{4} \d\d:",
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
_SUBJECTS = (
    r"docs?|documentation|manual|handbook|article|guide|tutorial|chapter|section|runbook|playbook|post-?mortem",
    r"incident",
    r"review(?:er)?|ticket|screenshot|proposal|RFC|spec(?:ification)?|README|changelog|paper|book|blog|glossary",
    r"appendix",
    r"release notes?|poem|story|exercise|lesson|author|comment|docstring|example|snippet|diagram|figure|wording",
    r"translation|banner|heading|dashboard",
)
_PROSE = (
    rf"^\s*(?:The|This|That|These|Our|My|An?|Another) (?:[\w-]+ ){{0,3}}?(?:{'|'.join(_SUBJECTS)})\b",
    r"^\s*(?:FAQ|Q|Question|Answer|Tip|Caution|Chapter|Section|Appendix|Lesson|Figure|Table|Step|Title|Subject|Abstract|Agenda|Changelog|Glossary|Reminder)\b[^:]{0,24}:",
    r"^\s*(?:An?|Any|Each|Every)\b.{3,80}?\b(?:happens|occurs|(?:is|are|gets) (?:an?|the|raised|thrown|returned|sent|shown|caused|reported)|can|could|might|should|would|indicates|tells|signals)\b",
    r"^\s*(?:Users|Clients|Developers|Customers|People|Engineers|Callers|Readers|Operators|Beginners|He|She|You) [a-z]+\b(?<!You have)(?<!You are)(?<!You do)(?<!You need)(?<!You must)(?<!You hit)(?<!You cannot)(?<!You exceeded)",
    r"^[^·(]*?\b(?:means? (?:that|the|an?|your|you|it)\b|meant that|stands for|refers to|known as|is called|for (?:example|instance)|such as|e\.g\.|i\.e\.|that is,)",
    r"^[^·.:]*?\b(?:normally|usually|often|generally|commonly|sometimes|traditionally|historically)\b",
    r"\b(?:happens?|occurs?|appears?|is (?:raised|thrown|returned|sent|shown)) (?:when|if|whenever|where|because)\b",
    r"\b(?:is|are|was|were|be) (?:\w+ )?(?:covered|described|documented|explained|discussed|illustrated|mocked|simulated|injected|translated|renamed) (?:in|by|on|at|as|with|to|into)\b",
    r"\b(?:[Ww]hy|[Hh]ow|[Ww]hat) (?:do|does|did|is|are|can|to|happens|causes)\b|\brenam(?:e|es|ed|ing)\b",
    r"\bin(?:to)? `\w",
    r"^\s*(?:Imagine|Suppose|Consider|Assume|Remember|Recall|Think of|Common|Typical) |^[^.:]*\?$",
    r"\bwhen(?:ever)? (?:an?|the|you|it|they|one)\b",
    r"\b(?:table|list|example|figure|section|chapter) (?:below|above)\b",
    r"\b(?:causes|reasons|symptoms) (?:of|for) (?:an?|the)\b",
    r"\b(?:chapter|section|appendix|lesson|figure|page) \d",
    r"\b(?:documentation|manual|guide|book|article|spec) (?:says|states)",
    r"\b(?:says|describes|explains|recommends|teaches|discusses|illustrates)\b (?!:)",
)
_WELL = (
    r"(?:\.\.\.|:|=|->)\s*(?:ok|OK|Ok|healthy|fine|normal|good|none|passed|nominal|green)\s*(?:\(.*\))?[.)]?$",
    r"(?i:\b(?:errors?|failures?|failed|crash(?:es)?|(?:oom )?kills?|restarts?|drop(?:s|ped)|timeouts?|refused|resets?|lost|limited|rejected|overloaded|expired|denied|full|dead)\b[\w ]{0,16}[:=]\s*0)(?![\w.])",
    r"\b0 (?:\w+ ){0,2}(?:errors?|fail\w*|timeouts?|restarts?|restarting|crash\w*|kills?|dropped|refused|rejected|lost|dead)\b",
    r"\b\d+/\d+ (?:\w+ )?(?:ok|healthy|up|ready|passed|alive|used|free|idle|running)\b",
    r"\b[1-8]?\d% (?:used|full|free|of)\b",
    r"\ball (?:\w+ ){0,2}(?:ok|green|healthy|well|clear|good|passed|reaped)\b",
)
_RECOVERED = (
    r"\b(?:then|and|but|later|finally|eventually|since) (?:\w+ ){0,3}?(?:succeeded|completed|worked|finished|recovered|passed|went through|200(?: OK)?|reconnected|resumed)\b(?! but)",
    r"(?i:\bretr(?:y|ied|ying)\b)[^.]{0,30}\b(?:200|ok|OK|succeeded|successful|worked)\b",
    r"\b(?:on|after) (?:attempt|retry|try) \d+\b.*\b(?:succeeded|finished|completed|ok|OK)\b",
    r"\b(?:attempt|try|retry|request) (?:\d+ )?(?:succeeded|worked)\b",
    r"\b(?:succeeded|connected|reconnected|completed|worked) (?:on|at|after|with) (?:the )?(?:\w+ )?(?:attempt|retry|try)\b",
    r"\b(?:is|are|came|comes) back (?:online|up)\b|\b(?:tried|used|chose|took) another\b|\bself-healed\b",
)
_AROUND = (r"=>\s*\{?\s*$|\S => \w+\(|^\s*[\w.-]+:\s+['\"].*['\"],\s*$|\);\s*$|/\*.*\*/|[;{,]\s+(?://|#)\s",)
_BEGINS_LIKE_A_REPORT = re.compile(
    r"\W*(?:\S+\s+){0,3}?\W*(?:API Error\b|(?:ERROR|FATAL|CRITICAL|PANIC|ALERT|EMERG)\b|level=(?:error|fatal)|[\w.]*(?:[Ee]rror|[Ee]xception|[Ff]atal|[Ff]ailed|[Ff]ailure|Timeout|Expired)\b[^.:]{0,24}[:(\[]|[\w.]+: \(\d+\)|\[Errno|(?:Cannot|Can't|Could not|Couldn't|Unable|Failed|Aborted)\b)",
)
_STARTS = re.compile(rf"\s*(?:{'|'.join((*_CODE, *_COMMANDS, *_FILES, *_VERSIONS, *_TALK, *_CHATTER))})")
_SPEAKS = re.compile("|".join((*_PROSE, *_WELL, *_AROUND)))
_OVERCOME = re.compile("|".join(_RECOVERED))
_ANYWHERE = re.compile("|".join(_CHATTER_ANYWHERE))
_WARNING = re.compile(r"\s*(?:\(node:\d+\)\s)?(?:\[?warn(?:ing)?\]?|\w+Warning)\b\s*:", re.IGNORECASE)
_REPORT_FORMS = (
    r"(?:^|[\s\[(|>\"→])(?:error|err!|fatal|critical|panic|emerg|alert|failure|exception|cause|failed)\b\s*[:!\])\[(-]",
    r"^\W*(?:api )?(?:error|failed|failure|fatal|unable|cannot|can't|could not|couldn't|abort(?:ed)?|denied|npm err)\b",
    r"\b\w*(?:error|exception|timeout|disconnected|interrupt|exit|abort)\b\s*(?::|\(|$|\]|at\s)",
    r"^\W*[45]\d\d\s|\b(?:errno|code)\b|\([A-Z][A-Z0-9_]{4,}\)|^\W*\S+:\s",
    r"\b(?:spawn|connect|read|write|open|getaddrinfo|fork|mkdir|kill|scandir|stat|unlink|rename|watch) E[A-Z]{3,}",
    r":\s[45]\d\d\s[A-Za-z<{]|\b(?:giving up|gave up|abandon(?:ed|ing)|(?:exited|quit|died|crashed) unexpectedly)\b",
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
        kept = [line for line in lines if not _only_talks(line)]
    return "\n".join(kept)


def _only_talks(line: str) -> bool:
    """Whether a line speaks of errors without being a report of one."""
    if _STARTS.match(line) or _ANYWHERE.search(line) or _OVERCOME.search(line):
        return True
    return _BEGINS_LIKE_A_REPORT.match(line) is None and _SPEAKS.search(line) is not None


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
