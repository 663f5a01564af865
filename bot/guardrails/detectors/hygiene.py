"""SEC-004 and SEC-008, INT-004, INJ-001: habits in code that make it unsafe or untrue."""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_right
from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from types import EllipsisType
from typing import Final, TypeAlias

from bot.guardrails import classify
from bot.guardrails.anchors import Anchors, LinePattern, literal_bytes, spaced
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, Subject, on_line
from bot.model.patterns import regex

_TLS: Final = {
    "python": LinePattern(
        r"\b(?:verify|verify_ssl|verify_certs|validate_certs|ssl_verify|check_hostname)\s*=\s*False\b|\bCERT_NONE\b|"
        r"_create_unverified_context|\bssl\s*=\s*False\b|disable_warnings\(\s*urllib3",
        Anchors(
            (
                *spaced("verify", "_certs", "check_hostname", "ssl", tails=("=",)),
                *literal_bytes("cert_none", "_create_unverified_context", "disable_warnings("),
            ),
        ),
    ),
    "go": LinePattern(r"\bInsecureSkipVerify:?\s*=?\s*true\b", Anchors(literal_bytes("insecureskipverify"))),
    "javascript": LinePattern(
        r"\brejectUnauthorized['\"]?\s*:\s*false\b|NODE_TLS_REJECT_UNAUTHORIZED['\"]?\]?\s*=\s*['\"]?0",
        Anchors(literal_bytes("rejectunauthorized", "node_tls_reject_unauthorized")),
    ),
    "ruby": LinePattern(r"\bVERIFY_NONE\b", Anchors(literal_bytes("verify_none"))),
    "java": LinePattern(
        r"\bNoopHostnameVerifier\b|ALLOW_ALL_HOSTNAME_VERIFIER|TrustAllStrategy",
        Anchors(literal_bytes("noophostnameverifier", "allow_all_hostname_verifier", "trustallstrategy")),
    ),
    "csharp": LinePattern(
        r"DangerousAcceptAnyServerCertificateValidator",
        Anchors(literal_bytes("dangerousacceptanyservercertificatevalidator")),
    ),
    "php": LinePattern(
        r"CURLOPT_SSL_VERIFYPEER['\"]?\s*(?:,|=>)\s*(?:false|0)", Anchors(literal_bytes("curlopt_ssl_verifypeer"))
    ),
    "rust": LinePattern(
        r"danger_accept_invalid_(?:certs|hostnames)\(\s*true", Anchors(literal_bytes("danger_accept_invalid_"))
    ),
    "shell": LinePattern(
        r"\bcurl\b[^|;&#\n]{0,300}\s(?:-[a-zA-Z]{0,8}k[a-zA-Z]{0,8}|--insecure)(?=\s|$)|\bwget\b[^|;&#\n]{0,300}--no-check-certificate|"
        r"http\.sslVerify[ =]\"?false|\bGIT_SSL_NO_VERIFY[\"']?\s{0,5}[=:]\s{0,5}[\"']?(?:1|true)\b|"
        r"strict-ssl\s{0,5}[\s=]\s{0,5}false|"
        r"\b(?:PYTHONHTTPSVERIFY|NODE_TLS_REJECT_UNAUTHORIZED)[\"']?(?:\s{0,5}[=:]\s{0,5}|\s)[\"']?0(?![\w.])|"
        r"\bvalidate_certs\s{0,5}[:=]\s{0,5}(?:false|no)\b",
        Anchors(
            literal_bytes(
                "curl",
                "--no-check-certificate",
                "http.sslverify",
                "git_ssl_no_verify",
                "strict-ssl",
                "pythonhttpsverify",
                "node_tls_reject_unauthorized",
                "validate_certs",
            )
        ),
    ),
}
_TLS_ALIAS: Final = {
    "typescript": "javascript",
    "dockerfile": "shell",
    "yaml": "shell",
    "ini": "shell",
    "kotlin": "java",
}


def tls_off(subject: Subject) -> Iterable[Hit]:
    """SEC-004: certificate verification is switched off in production code."""
    for delta in subject.written:
        language = delta.language or ""
        pattern = _TLS.get(_TLS_ALIAS.get(language, language))
        if pattern is None or delta.is_test or delta.is_docs:
            continue
        for line in delta.gained(pattern, "uncommented"):
            if language == "python" and not _in_call(delta, line, pattern.compiled):
                continue
            if language in {"shell", "yaml", "ini"} and _ADVICE.match(line.text):
                continue
            yield on_line(
                delta, line, "Certificates are not verified here: anybody on the way can read and change the traffic."
            )


def _in_call(delta: Delta, line: DiffLine, pattern: re.Pattern[str]) -> bool:
    """Whether the match is an argument or an assignment to an attribute, and not a parameter's default or a string."""
    code = delta.mask_after.code[line.number - 1]
    match = pattern.search(code)
    if match is None or re.match(r"\s*(?:async\s+)?def\s", code):
        return False
    if "=" not in match.group() or re.search(r"\.\s*(?:check_hostname|verify|verify_ssl)\s*=\s*False", code):
        return True
    lines_above = delta.mask_after.code[max(0, line.number - 30) : line.number - 1]
    for above in reversed(lines_above):
        if re.match(r"\s*(?:async\s+)?def\s", above):
            closed = ")" in "".join(lines_above).rpartition("def ")[2]
            return closed and ("(" in code[: match.start()] or _open_call(delta, line))
        if re.search(r"\(\s*$", above):
            return True
    return "(" in code[: match.start()]


def _open_call(delta: Delta, line: DiffLine) -> bool:
    """Whether an unclosed bracket stands above within ten lines."""
    depth = 0
    for above in reversed(delta.mask_after.code[max(0, line.number - 10) : line.number - 1]):
        for mark in reversed(above):
            depth += mark in ")]}"
            depth -= mark in "([{"
            if depth < 0:
                return True
    return False


_PIPE: Final = LinePattern(
    r"\b(?:curl|wget)\b[^#\n|]{0,400}\|\s*(?:sudo\s+(?:-\w+\s+)*)?(?:env\s+\S+\s+)?(?:/\S{0,40}/)?(?:ba|z|da|k)?sh\b|"
    r"\b(?:ba|z)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\()\s*(?:curl|wget)\b|\b(?:curl|wget)\b[^#\n|]{0,400}\|\s*(?:sudo\s+)?(?:python3?|node|perl|ruby)\b|"
    r"\biex\b[^#\n]{0,100}(?:DownloadString|iwr|Invoke-WebRequest)|\b(?:iwr|irm)\b[^#\n|]{0,300}\|\s*iex\b",
    Anchors(literal_bytes("curl", "wget", "iex")),
)
_VERSION: Final = regex(r"v?\d+(?:\.\d+){1,3}[\w.\-]*|[0-9a-f]{40}")


def pipe_to_shell(subject: Subject) -> Iterable[Hit]:
    """SEC-008: what a server answers is run unseen."""
    for delta in subject.written:
        if (
            delta.is_docs
            or delta.is_test
            or delta.language not in {"shell", "dockerfile", "yaml", "python", "javascript", "hcl"}
        ):
            continue
        if delta.language in {"python", "javascript"} and not any(
            "curl" in line.text or "wget" in line.text for line in delta.lines_with(_PIPE.anchors)
        ):
            continue
        gained = delta.gained(_PIPE, "uncommented")
        removed_texts = {_VERSION.sub("V", line.normal) for line in delta.removed} if gained else set()
        for line in gained:
            if _VERSION.sub("V", line.normal) in removed_texts or _ADVICE.match(line.text):
                continue
            yield on_line(delta, line, "A download is piped into a shell.")


_ADVICE: Final = regex(r"\s*(?:-\s*)?(?:echo|printf|print|console\.log|log|raise|#)\b")
"""Printing the advice is not following it."""


_PROMISE: Final = LinePattern(
    r"#.{0,40}\b(?:TODO|FIXME|placeholder|stub(?:bed)?|not (?:yet )?implemented|implement (?:this|me|later|actual|real)|"
    r"(?:real|actual) (?:logic|implementation)|your (?:code|logic) here|logic goes here|for now)\b",
    Anchors(
        literal_bytes(
            "todo", "fixme", "placeholder", "stub", "not implemented", "not yet implemented", "implement this",
            "implement me", "implement later", "implement actual", "implement real", "real logic", "real implementation",
            "actual logic", "actual implementation", "your code here", "your logic here", "logic goes here", "for now",
        ),
        folds=True,
    ),
    re.IGNORECASE,
)  # fmt: skip


def placeholder(subject: Subject) -> Iterable[Hit]:
    """INT-004: a new Python function whose body only promises one."""
    for delta in subject.written:
        if delta.language != "python" or delta.is_test or delta.path.endswith(".pyi") or not delta.after:
            continue
        promises = [line.number for line in delta.lines_with(_PROMISE.anchors) if _promises(line.text)]
        if not promises or not _near_empty_function(delta.after_lines, promises):
            continue
        for function in _functions(delta.after, delta.added_numbers):
            span = range(function.lineno, (function.end_lineno or function.lineno) + 2)
            comments = [number for number in span if number in delta.added_numbers and number <= len(delta.after_lines)
                        and _promises(delta.after_lines[number - 1])]  # fmt: skip
            if comments:
                yield Hit(
                    delta.path,
                    function.lineno,
                    f"The new function {function.name} is only a placeholder.",
                    evidence=delta.after_lines[comments[0] - 1].strip()[:120],
                )


def _promises(text: str) -> bool:
    return _PROMISE.compiled.search(text[:300]) is not None


_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


def _near_empty_function(lines: Sequence[str], numbers: Iterable[int]) -> bool:
    """Whether a statement of the module that reaches one of these lines, or ends above it, has a function that does nothing.

    Parsing those alone takes a fraction of what the whole file takes. What does not parse alone says yes.
    """
    starts = [number for number, line in enumerate(lines, 1) if line and line[0] not in _CONTINUES]
    first = {bisect_right(starts, near) - 1 for number in numbers for near in (number, number - 1)}
    for index in sorted(first - {-1}):
        end = starts[index + 1] - 1 if index + 1 < len(starts) else len(lines)
        tree = _tree("\n".join(lines[starts[index] - 1 : end]))
        if tree is None or any(isinstance(node, _Function) and _is_empty(node) for node, _ in _statements(tree)):
            return True
    return False


_CONTINUES: Final = frozenset(" \t\f#)]}")
"""What begins no statement, at the margin."""


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _functions(text: str, lines: Container[int]) -> Iterator[_Function]:
    """Every function that begins on one of ``lines``, does nothing, and is no member of a Protocol or abstract class."""
    tree = None if len(text) > 300_000 else _tree(text)
    if tree is None:
        return
    for node, around in _statements(tree):
        if isinstance(node, _Function) and node.lineno in lines and _is_empty(node) and not _is_abstract(node, around):
            yield node


def _statements(tree: ast.Module) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Every statement with what it stands in, in the order of :func:`ast.walk`."""
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        around = waiting.popleft()
        for field in _BLOCKS:
            children = getattr(around, field, ())
            if isinstance(children, list):
                waiting += children
                yield from ((child, around) for child in children)


_BLOCKS: Final = ("body", "handlers", "cases", "orelse", "finalbody")


def _is_abstract(function: _Function, around: ast.AST) -> bool:
    if isinstance(around, ast.ClassDef):
        bases = [ast.unparse(base) for base in around.bases]
        if any("Protocol" in base or "ABC" in base for base in bases):
            return True
    marks = " ".join(ast.unparse(mark) for mark in function.decorator_list)
    return "abstract" in marks or "overload" in marks


def _is_empty(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    documented = ast.get_docstring(function, clean=False) is not None
    match function.body[documented:]:
        case [] | [ast.Pass()] | [ast.Expr(value=ast.Constant(value=EllipsisType()))]:
            return True
        case [ast.Return(value=None | ast.Constant() | ast.Dict() | ast.List())]:
            return True
        case [ast.Raise(exc=ast.expr() as error)]:
            return "NotImplementedError" in ast.unparse(error)
        case _:
            return False


_ORDER: Final = LinePattern(
    r"(?i)(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+|the\s+|your\s+)?(?:previous|prior|above|earlier|other|system)\s+"
    r"(?:instruction|prompt|rule|guideline|direction|finding)|"
    r"\b(?:AI|LLM|assistant|reviewer|copilot|claude|chatgpt|gpt|codex|gemini|bot)\b[^\n]{0,40}[:,][^\n]{0,60}"
    r"\b(?:approve|(?:do not|don't) (?:report|flag|mention)|say (?:that )?(?:it|this) is (?:safe|fine|ok)|no findings|skip)\b|"
    r"(?:you are now|act as|pretend to be)\s+(?:an?|the)\s+(?:helpful|admin|reviewer|different|unrestricted)|"
    r"<\|(?:im_start|system|endoftext)\|>|\[/?(?:INST|SYSTEM)\]",
    Anchors(
        (
            *spaced("ignore", "disregard", "forget", "override"),
            *literal_bytes(
                "approve", "do not report", "do not flag", "do not mention", "don't report", "don't flag", "don't mention",
                "say that it is", "say that this is", "say it is", "say this is", "no findings", "skip",
                "you are now", "act as", "pretend to be", "<|im_start", "<|system", "<|endoftext",
                "[inst]", "[/inst]", "[system]", "[/system]",
            ),
        ),
        folds=True,
    ),
)  # fmt: skip


def reviewer_injection(subject: Subject) -> Iterable[Hit]:
    """INJ-001: text that speaks to an automated reviewer from where people do not look."""
    for name, text in (("title", subject.change.title), ("description", subject.change.body)):
        hidden = (
            re.findall(r"<!--(.{0,4000}?)-->", text[:60_000], re.DOTALL) if name == "description" else [text[:1000]]
        )
        if any(_ORDER.compiled.search(part) for part in hidden):
            yield Hit(None, None, f"The {name} of the pull request speaks to an automated reviewer.", anchor=name)
    for delta in subject.written:
        if re.search(r"(?i)inject|prompt|guardrail|jailbreak", delta.path) or delta.is_test:
            continue
        for line in delta.gained(_ORDER):
            if _hidden(delta, line):
                yield on_line(
                    delta,
                    line,
                    "Hidden prompt injection: text that a reader does not see addresses an automated reviewer.",
                )


def _hidden(delta: Delta, line: DiffLine) -> bool:
    """Whether the words stand in a comment, in alternative text, or beside invisible characters."""
    text = line.text[:5000]
    if any(ord(c) in {0x200B, 0x200C, 0x2060} or 0xE0000 <= ord(c) <= 0xE007F for c in text):
        return True
    if delta.language in {"docs", "html"}:
        return any(
            _ORDER.compiled.search(part)
            for part in re.findall(r"<!--(.{0,2000}?)(?:-->|$)|!\[(.{0,500}?)\]\(|alt=\"(.{0,500}?)\"", text)
            for part in part
        )
    if delta.language is None or classify.is_lock(delta.path):
        return False
    return _ORDER.compiled.search(delta.mask_after.visible_text(line.number, line.text, "comment")) is not None


PATTERNS: Final = (*_TLS.values(), _PIPE, _PROMISE, _ORDER)
"""What lines are searched for here."""
