"""Which lines of a text report a failure: talk about errors, code, test names, warnings and log chatter do not.

Beginnings and words that are never a report's leave a line out at once. What only speaks of errors in general (prose,
counters that stand well, commands and code around a quoted message) leaves it out unless it begins like a report.
"""

from __future__ import annotations

import re

from engine.recovery.classify.patterns import Patterns, letters_of

_DEEDS = (
    r"fix(?:ed|es)?|add(?:ed|s|ing)?|handle[ds]?|refactor(?:ed|s)?|rename[sd]?|improve[ds]?|updated?|wrote|writes",
    r"written",
    r"implement(?:ed|s)?|remove[ds]?|document(?:ed|s)?|support(?:ed|s)?|changed?|explain(?:ed|s)?|catch(?:es)?",
    r"test(?:ed|s)|covers?|makes?|prevent(?:ed|s)?|avoid(?:ed|s)?|increased?|moved?|replaced?|introduced?",
    r"investigated?|checked|describe[sd]?|mention(?:ed|s)?|reword(?:ed|s)?|translate[sd]?|clarif(?:y|ied|ies)",
    r"bump(?:ed|s)?",
    r"mock(?:ed|s)|simulate[sd]?|reproduce[sd]?|patched|rewrote|searched|grepped|reviewed|teach(?:es)?|revert(?:ed|s)?",
)
_CALLED_WITH_TITLES = (
    r"it|test|describe|context|specify|expect|suite|scenario|should|assert\w*|printf?|println|puts|log(?:ger|ging)?",
    r"console|fmt|mock\w*|jest|vi|sinon|self|this|t|fail|new \w+",
)
_CODE = (
    r"[-+]\s|@@\s|diff --git|[-+]{3}\s[ab/]|\|\s|#\s?(?:define|include|ifn?def|undef|pragma|error|elif|endif)\b",
    r"#!?\[|#+\s(?!Fatal|A fatal|There is insuff)|//|/\*|\*\s|\"\"\"|'''",
    r"(?:except|raise|throw|def|func|function|import|export|const|let|var|assert|return|try|finally|elif|async|await)\b(?![:!])",
    r"(?:class|if|for|while|switch|case|with|from|public|private)\b.*[:{(]\s*$|class \w+\(.*\):",
    r"(?:if|while|for|switch|catch) ?\(",
    r"[rfb]{0,2}[\"'](?!\S*:\s)(?![^\"']+[\"'] (?:is|was|has|does|could|can|cannot|not|requires|must)\b)",
    r"\w+(?:\.\w+)* = [\w\[({]|\w+: \{|\w+: \w+\(.*\),?$",
    r"from \S+ import\b|if \w+(?:\s*[!=]= | (?:not )?in [(\[{])|\}\s*(?:catch|else|finally)",
    r"[\"']?[\w.-]+[\"']?\s*[:=]\s*(?:-?\d+(?:\.\d+)?\w{0,3}|null|None|\[\]|\{\}|true|false)\s*,?(?:\s*#.*)?$",
    r"(?:[\"']\w+[\"']: ?(?:\d+|true|false|null), ?)+[\"']\w+[\"']: ?(?:\d+|true|false|null),?$",
    r"\w+\([\"'].*[\"']\)[;,]?$",
    r"[\"'][\w.-]+[\"']\s*:\s*[\"'].*[\"']\s*,?$|[\w.-]+\s*=\s*[\"'].*[\"'];?$|[A-Z][A-Z0-9_]+ = ",
    r"(?:default:|case\s+[\w\"'.*&(-].*:(?:\s|$))|msg(?:id|str|ctxt)\b|@\w+(?:\.\w+)*(?:\(|$)|>>>\s|%\w+\s+=",
    r"<\w+ (?:name|id|key|class)=",
    rf"(?:{'|'.join(_CALLED_WITH_TITLES)})(?:\.\w+)*!?\(",
    r"(?:SELECT|INSERT INTO|UPDATE|CREATE TABLE|ALTER TABLE|RUN|COPY|CMD|HEALTHCHECK|ENV)\s\S",
    r"(?:Scenario|Feature|Given|Then|And)\s\S",
)
_TYPED = (
    r"(?:private|public|protected|static|final|enum|struct|interface|type|val|pub|fn|impl|template)\s+[\w :&*,]+[=({<]",
    r"(?:\w+\.)+(?!\w*(?:Error|Exception|Timeout|Expired|Closed|Disconnected|Exit|Refused)\()\w+\([\"'\w]",
    r"<(?!html|head|title|body|center|h\d)[A-Za-z][\w.-]*(?: [^>]*)?>[^<]+</[\w.-]+>\s*$",
    r"[\w-]+:\s+\w+\s+#\s|[\w-]+:\s+\[.*\]\s*$",
)
_COMMANDS = (
    r".*\|\s*(?:grep|awk|sed|sort|wc|head|tail|less|jq|xargs|uniq|tee)\b|.*(?:\d>&\d|>&\d|>\s?/dev/null)|find \S+ -",
    r"[$%>❯]\s+[\w./\"']",
    r"(?:sudo\s+)?(?:sed|[erz]?grep|rg|ag|g?awk|jq|tail|head|less|cat|echo|perl|tr|xargs)\s+[-\w'\"/$.\[]",
    r"(?:sudo\s+)?(?:printf|journalctl|dmesg|logger)\s+[-\w'\"/$.]",
    r"git log: |grep: \S+: Is a directory",
    r"git (?:log|grep|commit|show|blame|diff|checkout|stash|tag)\s",
    r"(?:curl|wget|python3?|node|bash|sh|make|ssh) -{1,2}\w",
)
_KEYS = (
    r"alert|expr|description|annotations|labels",
    r"summary|runbook_url|pattern|regex|tooltip|placeholder|uses|label|help|title",
)
_FILES = (
    rf"(?:\S+\.ya?ml:\s+)?-?\s*(?:{'|'.join(_KEYS)})\s*:\s",
    r"-\s\w+:\s|\S+\.\w{1,4}:\s+(?:-\s|//|#|/\*)|\d+\.\s+\S|--[\w-]+(?:[ =]<\w+>)?\s{2,}\S|E[A-Z]+\s{2,}\S",
)
_VERSIONS = (
    r"(?:fix|feat|docs?|test|tests|chore|refactor|perf|build|ci|style|revert)(?:\([^)]*\))?!?:\s",
    r"(?:commit )?[0-9a-f]{7,40}:? \w|\[\d+/\d+\] \w|\d+\.\.\d+\s",
    r"\[[\w/.-]+ [0-9a-f]{7,40}\]|On branch \S+$|Your branch is|Merge (?:branch|pull|remote|tag)|\d+ files? changed",
    r"(?:modified|deleted|new file|renamed):\s{2,}|(?:create|delete) mode \d",
)
_NOT_DONE = r"(?!\s*(?::|error\b|/\S|E[A-Z]{3}))"
"""A deed is not reported where its word begins a report: `write /x: no space left`, `write EPIPE`."""
_TALK = (
    rf"(?:[-*•]\s+)?(?:(?:I|We)(?:'ve|'ll| have| will| also| just)*\s+)?(?i:{'|'.join(_DEEDS)})\b{_NOT_DONE}",
    r"(?:Provides|Returns|Sends|Reads|Stores|Uses|Allows|Enables|Requires)\s",
    r"No (?:\w+ ){1,4}(?:is|are) (?:required|needed|necessary)\b",
    r"(?:I|We)(?:\s+(?!/|are\b)|'(?:ve|ll|m|d)\b)",
    r"(?:Here(?:'s| is)|Let (?:me|us)|Let's|How (?:to|do|can)|What |Why |When |Whether |If |Would you|You can\b(?!'))",
    r"Should ",
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
    r"(?:\S+:(?:\d+:)?\s|\(\S+:\d+\)\s)?\W*(?:(?i:warn(?:ing)?)|hint|note|notice|info|debug\d?|trace)\b\s*[\]:!)-]",
    r"npm warn",
    r"(?:\S+:\s)?\(?\w*(?:Warning)\b[:)]|\(node:\d+\) .*Warning: |<\w+>:\d+: \w+Warning",
    r"(?:PASS|ok|not ok|FAILED|FAIL|E)\s+(?:\d|\S+(?:/|::|\.)\S+|\s\S)|--- (?:PASS|FAIL|SKIP)|=== \w+",
    r"\[ +(?:OK|RUN|PASSED) +\]|[✓✔√☑●✅]",
    r"(?:\S+\s+){0,4}?\[(?i:info|debug|trace|notice|verbose)\]|tool_(?:result|use)\b(?! \w+ (?:were|was|are|is)\b)",
    r"\[PASS\w*\]|passed:|\[[IDTV] |(?i:help|usage):\s",
    r"(?:\w+\.)*AssertionError: (?:expected|Expected|assert)\b|(?!.*\b(?:ERROR|CRITICAL|FATAL)\b)[^|]+ \| [^|]+ \| ",
    r"\*\*\S|<!--|;\s|REM\s|\S+ (?:INF|DBG|TRC) ",
    r"test \S+ \.\.\.|should (?:not )?[a-z]|Test (?:Case|Suite) |[IDV]\d{4} \d\d:",
    r"FIXME\b|Closes #\d|(?:\w+ ){1,4}(?:at|to|onto|commit) [0-9a-f]{7,40}\b",
    r"(?i:expected|received|actual|got)\s?:\s|LOG:\s|(?i:successfully)\b|WARN\b",
    r"(?:Skipping|Ignoring|Continuing|Using|Loading)\s",
    r"error budget\b|expected \w+ \d+, got \d+|⏺ Bash\(",
    r"\d+ (?:rows|records|items|files|lines) \w+|/\S+$|TLSv1|\w+\(.*\)\s+= -?\d",
    r"upstream_\w+: \d|Connection to \S+ closed\.$",
    r"(?i:rate[- ]limit): \d+/\d+|You've used \d+% of|No stdin data\b|(?:Server|Service|Worker) (?:stopped|started)\b",
    r"error (?:TS|CS|MSB|LNK|C)\d+:|error\[E\d+\]:|⎿\s+(?!\s|API)|(?i:approaching|nearing)\b",
)
_CHATTER_ANYWHERE = (
    r"\b(?:INFO|DEBUG|TRACE|NOTICE|VERBOSE)\b|\b(?:level|lvl|severity)=(?:info|debug|trace|warn\w*)\b",
    r'"level"\s*:\s*"(?:info|debug|warn\w*)"|^\s*\[[a-z]+-[a-z]+:[a-z_]+\]',
    r'"(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) [^"]*" [123]\d\d\b',
    r"\b(?:PASSED|SKIPPED|XFAIL)\b|\b\d+ (?:tests? )?passed\b|\b(?:checks?|validation|tests?) passed\b|\s\[\s*\d+%\]$",
    r"\b(?:0|no) (?:errors|failures|warnings|failed|vulnerabilities)\b",
    r"\b(?i:exit)(?:ed)?(?: with)? (?:code|status)[:=]? ?0\b",
    r"\b(?:recovered from|reconnected|succeeded (?:on|after)|(?:was|were|been|is) (?:fixed|solved|handled|expected))\b",
    r"\b(?:(?:request|build|turn|retry) succeeded|(?:connection|session|link) restored|falling back|fell back)\b",
    r"\b(?:ignoring|no longer (?:occurs?|happens?|fails?|appears?)|as (?:expected|documented|intended|planned))\b",
    r"\b(?:now|correctly|properly) (?:reports?|returns?|raises?|throws?|handles?|retries)\b",
    r"\b(?:throws|raises|handles)\b",
    r"\b(?:nothing was lost|on purpose|proceeding without|moved to the background)\b",
    r"\b(?:tests?|specs?|suites?|assertions?|mocks?) (?:expects?|wants?|asserts?)\b",
    r"\b(?:continuing (?:anyway|without|with)|now using|using \w+ instead)\b|;\s*using\b|\s(?i:ok)[.!)]*$",
    r"(?i:\b(?:count|total|errors?|failures?|failed|timeouts?)\s*[:=]\s*0$)",
    r"\bI (?:replaced|changed|moved|added|removed|fixed|made|wrote|used|ran|rewrote|skipped)\b",
    r"^\W*[\w .-]{3,40}:\s*(?:enabled|disabled|on|off|active|inactive)$|\bis valid until\b",
    r"\b(?:limit|timeout|size|usage|budget|interval|delay|ttl): \d[\d.,]* ?(?:[KMGT]i?B|%|ms|s|min|h)$",
    r"\b(?:typically|consistently|most likely)\b",
    r"\b(?:but trusted|were left untouched|(?:will|may) be reached|until it is restored)\b",
    r"\b(?:listening|listens) (?:on|at)\b|\bclosing (?:the )?(?:circuit|breaker)\b",
    r"\b(?:circuit|breaker) (?:is )?closed\b",
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
_TITLES = (
    r"FAQ|Q|Question|Answer|Tip|Caution|Chapter|Section|Appendix|Lesson|Figure|Table|Step|Title|Subject|Abstract",
    r"Agenda|Changelog|Glossary|Reminder",
)
_GENERAL = (
    r"happens|occurs|can|could|might|should|would|indicates|tells|signals",
    r"(?:is|are|gets) (?:an?|the|raised|thrown|returned|sent|shown|caused|reported)",
)
_MEANING = (
    r"means? (?:that|the|an?|your|you|it)\b|(?:meant that|stands for|refers to|known as|is called|such as)\b",
    r"for (?:example|instance)\b|e\.g\.|i\.e\.|that is,",
)
_TREATED = (
    r"covered|described|documented|explained|discussed|illustrated|mocked|simulated|injected|translated|renamed",
)
_PROSE = (
    rf"^\s*(?:The|This|That|These|Our|My|An?|Another) (?:[\w-]+ ){{0,3}}?(?:{'|'.join(_SUBJECTS)})\b",
    rf"^\s*(?:{'|'.join(_TITLES)})\b[^:]{{0,24}}:",
    r"^\s*The \w+ (?:will|would|may|might) (?:respond|return|reply|raise|throw|answer)\b",
    r"^\s*This (?!is|was|has|requires|exceeds|needs|does|violates|takes|lacks)\w+s (?:an?|the|it|any|that)\b",
    rf"^\s*(?:An?|Any|Each|Every)\b.{{3,80}}?\b(?:{'|'.join(_GENERAL)})\b",
    r"^\s*(?:Users|Clients|Developers|Customers|People|Engineers|Callers|Readers|Operators|Beginners|He|She) [a-z]",
    rf"^[^·(]*?\b(?:{'|'.join(_MEANING)})",
    r"^[^·.:]*?\b(?:normally|usually|often|generally|commonly|sometimes|traditionally|historically)\b",
    r"^[^.]*\b(?:happens?|occurs?|appears?) (?:when|if|whenever|where|because)\b",
    r"^[^.]*\bis (?:raised|thrown|returned|sent|shown) (?:when|if|whenever|where|because)\b",
    rf"\b(?:is|are|was|were|be) (?:\w+ )?(?:{'|'.join(_TREATED)}) (?:in|by|on|at|as|with|to|into)\b",
    r"\b(?:[Ww]hy|[Hh]ow|[Ww]hat) (?:do|does|did|is|are|can|to|happens|causes)\b|\brenam(?:e|es|ed|ing)\b",
    r"\bin(?:to)? `\w",
    r"^\s*(?:Imagine|Suppose|Consider|Assume|Remember|Recall|Think of|Unlike|Rewrite|Explain|Describe|My|Draft) ",
    r"^[^.:]*\?$",
    r"\b(?:yesterday|last (?:night|week|month)|I (?:suggest|recommend|think|believe|would))\b",
    r"^\s*(?:Common|Typical|Somebody|Someone) ",
    r"^\s*(?:In (?:the|this|our|that|an?|most|many|some|theory|practice|general)|It (?:looks|turned))\b",
    r"^\s*It seems (?!(?:like |that )?you)",
    r"^\s*(?:There (?:are|were)|(?:Nobody|None|No one) (?:was|were|has been)|Read more|Plan:|To \w+ the) ",
    r"^\s*To (?!continue)\w+\b[^:]*, (?:the|we|you|I|it|this|each|use|set|add|call) ",
    r"\b\d+ (?:match(?:es)?|results?|hits?|occurrences?|mentions?) (?:for|of|in)\b",
    r"\bwhen(?:ever)? (?:an?|the|you|it|they|one)\b",
    r"\bas the \w+ (?:shows|says)\b|\b(?:table|list|example|figure|section|chapter) (?:below|above)\b",
    r"\b(?:causes|reasons|symptoms) (?:of|for) (?:an?|the)\b",
    r"\b(?:chapter|section|appendix|lesson|figure|page) \d",
    r"\b(?:documentation|manual|guide|book|article|spec) (?:says|states)",
    r"\b(?:says|describes|explains|recommends|teaches|discusses|illustrates)\b (?!:)",
)
_COUNTED = (
    r"errors?|failures?|failed|failing|crash(?:es|ed)?|(?:oom )?kills?|killed|restart(?:s|ed|ing)?",
    r"drop(?:s|ped)|timeouts?|timed out|refused|resets?|lost|limited|rejected|overloaded|expired|denied|full|dead",
)
_WELL = (
    r"(?:\.\.\.|:|=|->)\s*(?:ok|OK|Ok|healthy|fine|normal|good|none|passed|nominal|green)\s*(?:\(.*\))?[.)]?$",
    rf"(?i:\b(?:{'|'.join(_COUNTED)})\b[\w ]{{0,16}}[:=]\s*0)(?![\w.])",
    rf"\b0 (?:\w+ ){{0,2}}(?:{'|'.join(_COUNTED)})\b",
    r"\b\d+/\d+ (?:\w+ )?(?:ok|healthy|up|ready|passed|alive|used|free|idle|running)\b",
    r"\b[1-8]?\d% (?:used|full|free|of)\b",
    r"\ball (?:\w+ ){0,2}(?:ok|green|healthy|well|clear|good|passed|reaped|finished|done|drained)\b",
    r"(?i:\b(?:graceful(?:ly)?|orderly|clean(?:ly)?) (?:shut|exit|stop|end))",
    r"(?i:\bshut(?:ting)? down (?:cleanly|gracefully))",
)
_GOOD_ENDS = (r"succeeded|completed|worked|finished|recovered|passed|went through|200(?: OK)?|reconnected|resumed",)
_RECOVERED = (
    rf"\b(?:then|and|but|later|finally|eventually|since) (?:\w+ ){{0,3}}?(?:{'|'.join(_GOOD_ENDS)})\b(?! but)",
    r"(?i:\bretr(?:y|ied|ying)\b)[^.]{0,80}\b(?:200|ok|OK|succeeded|successful|worked)\b",
    r"\b(?:on|after) (?:attempt|retry|try) \d+\b.*\b(?:succeeded|finished|completed|ok|OK)\b",
    r"\b(?:attempt|try|retry|request) (?:\d+ )?(?:succeeded|worked)\b",
    r"\b(?:succeeded|(?:re)?connected|completed|worked) (?:on|at|after|with) (?:the )?(?:\w+ )?(?:attempt|retry|try)\b",
    r"^\W*(?i:resolved|recovered|cleared|solved|good news)\b",
    r"\bfallback \w+ (?:answered|took over|worked)\b",
    r"\b(?:trying again|retrying)[^:]*(?:\.\.\.|…)\s*(?i:connected|ok|done)\b|\bis back[.!]?$",
    r"\b(?:is|are|came|comes) back (?:online|up)\b|\b(?:tried|used|chose|took) another\b|\bself-healed\b",
)
_AROUND = (r"=>\s*\{?\s*$|\S => \w+\(|^\s*[\w.-]+:\s+['\"].*['\"],\s*$|\);\s*$|/\*.*\*/|[;{,]\s+(?://|#)\s",)
_REPORT_BEGINNINGS = (
    r"API Error\b|(?:ERROR|FATAL|CRITICAL|PANIC|ALERT|EMERG)\b|level=(?:error|fatal)|[\w.]+: \(\d+\)|\[Errno",
    r"[\w.]*(?:[Ee]rror|[Ee]xception|[Ff]atal|[Ff]ailed|[Ff]ailure|Timeout|Expired)\b[^.:]{0,24}[:(\[]",
    r"(?:Cannot|Can't|Could not|Couldn't|Unable|Failed|Aborted)\b",
)
_BEGINS_LIKE_A_REPORT = re.compile(rf"\W*(?:\S+\s+){{0,3}}?\W*(?:{'|'.join(_REPORT_BEGINNINGS)})")
_QUOTED = re.compile(
    r"(?:^|(?<=[\s(])(?<![:=]\s))([\"'`])(?![45]\d\d)(?=[^\"'`]*\s)[^\"'`]{6,}\1"
    r"|(?<![\w'\"/])[\w./-]*\w\.(?:py|tsx?|jsx?|go|rs|md|c|h|java|html|txt|rb|tgz)\b|https?://\S+"
)
"""Another's words, and the names of files and pages: they name errors without reporting one."""
_STARTS = re.compile(rf"\s*(?:{'|'.join((*_CODE, *_TYPED, *_COMMANDS, *_FILES, *_VERSIONS, *_TALK, *_CHATTER))})")
_TALK_BEGINS = re.compile("|".join(each for each in _PROSE if each.startswith("^")))
_SPEAKS = Patterns([each for each in (*_PROSE, *_WELL, *_AROUND) if not each.startswith("^")])
_ANYWHERE = Patterns([*_CHATTER_ANYWHERE, *_RECOVERED])
_WARNING = re.compile(r"\s*(?:\(node:\d+\)\s)?(?:\[?warn(?:ing)?\]?|\w+Warning)\b\s*:", re.IGNORECASE)
_REPORT_FORMS = (
    r"(?:^|[\s\[(|>\"→])(?:error|err!|fatal|critical|panic|emerg|alert|failure|exception|cause|failed)\b\s*[:!\])\[(-]",
    r"^\W*(?:api )?(?:error|failed|failure|fatal|unable|cannot|can't|could not|couldn't|abort(?:ed)?|denied|npm err)\b",
    r"\b\w*(?:error|exception|timeout|disconnected|interrupt|exit|abort)\b\s*(?::|\(|$|\]|at\s)",
    r"^\W*[45]\d\d\s|\b(?:errno|code|os error \d+)\b|\([A-Z][A-Z0-9_]{4,}\)|^\W*\S+:\s",
    r"\b(?:spawn|connect|read|write|open|getaddrinfo|fork|mkdir|kill|scandir|stat|unlink|rename|watch) E[A-Z]{3,}",
    r"\A\W*[\w-]+(?: \w+)?\W*\Z|:\s[45]\d\d\s[A-Za-z<{]",
    r"\b(?:killed|terminated|died|ended|exited|stopped|aborted)\b.{0,12}\bSIG[A-Z]{2,}",
    r"\bHTTP(?:/\d(?:\.\d)?)?\W{0,3}[45]\d\d\b|\b(?:status|response|code)(?: code)?\W{1,3}[45]\d\d\b",
    r"\b(?:server|upstream|gateway|api|host|it) (?:\w+ )?(?:answered|returned|responded)\b.{0,20}\b[45]\d\d\b",
    r"\bos error \d+\)",
    r"(?:\A|\n)[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?:\Z|\n)|\b(?:error|exception)\b \[[A-Z_]+\]",
    r"\b(?:giving up|gave up|abandon(?:ed|ing)|(?:exited|quit|died|crashed) unexpectedly)\b",
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
        kept = [said for line in lines if (said := _reported_by(line))]
    return "\n".join(kept)


def _reported_by(line: str) -> str:
    """What a line reports: nothing when it only talks, and what it quotes counts for a report's own words alone."""
    if _STARTS.match(line):
        return ""
    letters = letters_of(line)
    if _ANYWHERE.any_in(line, letters):
        return ""
    if _BEGINS_LIKE_A_REPORT.match(line):
        return line
    return "" if _TALK_BEGINS.match(line) or _SPEAKS.any_in(line, letters) else _QUOTED.sub(" ", line)


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
