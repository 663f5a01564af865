"""TST: tests that disappear, check less, or are told to look away."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import PurePosixPath
from typing import Final

from bot.guardrails import classify
from bot.guardrails.anchors import MAX_LINE, Anchors, LinePattern, literal_bytes, spaced
from bot.guardrails.hunks import Delta, DiffLine
from bot.guardrails.rule import Hit, Subject, on_line
from bot.guardrails.structure import Unparsed
from bot.intake.lined_node import LinedNode
from bot.model.finding import FileStatus
from bot.model.patterns import regex
from bot.model.wording import counted

_NAMED: Final = {
    "python": regex(r"^\s*(?:async\s+)?def\s+(test\w*)\s*\("),
    "go": regex(r"^func\s+((?:Test|Fuzz|Example)\w*)\s*\("),
    "rust": regex(r"^\s*(?:async\s+)?fn\s+(\w*test\w*)\s*\("),
    "java": regex(r"^\s*(?:public\s+)?void\s+(\w*[tT]est\w*|should\w+)\s*\("),
    "ruby": regex(r"^\s*(?:it|test|specify)\s+['\"]([^'\"]{3,200})['\"]\s+do"),
    "javascript": regex(r"^\s*(?:it|test)\s*\(\s*['\"`]([^'\"`]{3,200})['\"`]"),
}
_NAMED_ALIAS: Final = {"typescript": "javascript", "kotlin": "java"}
_ASSERT: Final = regex(
    r"^\s*assert\b|\bself\.assert\w+\s*\(|\bassert\w*!?\s*\(|\bexpect\s*\(|\bt\.(?:Error|Fatal)f?\s*\(|"
    r"\b(?:require|assert)\.\w+\(|pytest\.raises|\.should(?:\.|\()|\bverify\s*\(|\bassert_\w+\s*\("
)


def _tests(subject: Subject) -> list[Delta]:
    return [
        delta
        for delta in subject.written
        if delta.is_test and classify.is_code(delta.language) and not classify.is_fixture(delta.path)
    ]


def _sources(subject: Subject) -> list[Delta]:
    return [delta for delta in subject.written if delta.is_source]


def test_file_deleted(subject: Subject) -> Iterable[Hit]:
    """TST-001: a file of tests is gone while no source file is, and none of the same name came."""
    if any(delta.status is FileStatus.REMOVED for delta in _sources(subject)):
        return
    tests = _tests(subject)
    if all(delta.status is not FileStatus.REMOVED for delta in tests):
        return
    arrived = Counter(name for delta in subject.written for name in _names(delta, delta.added))
    added_stems = {PurePosixPath(delta.path).name for delta in subject.deltas if delta.status is FileStatus.ADDED}
    for delta in tests:
        if delta.status is not FileStatus.REMOVED or PurePosixPath(delta.path).name in added_stems:
            continue
        names = _names(delta, delta.removed)
        if not names or sum(1 for name in names if arrived[name]) * 2 >= len(names):
            continue
        yield Hit(
            delta.path,
            1,
            f"{counted(len(names), 'test is', 'tests are')} deleted with this file; what they tested stays.",
            anchor="deleted",
        )


def _names(delta: Delta, lines: Iterable[DiffLine]) -> list[str]:
    """The names of the tests that begin on these lines."""
    language = delta.language or ""
    pattern = _NAMED.get(_NAMED_ALIAS.get(language, language))
    if pattern is None:
        return []
    return [match[1] for line in lines if (match := pattern.match(line.text[:400])) is not None]


def test_removed(subject: Subject) -> Iterable[Hit]:
    """TST-002: a named test of a kept file is gone, and nothing like it came, while the source does not shrink."""
    tests = _tests(subject)
    if all(delta.status is FileStatus.REMOVED or not delta.removed_count for delta in tests):
        return
    if sum(delta.removed_count - delta.added_count for delta in _sources(subject)) > 0:
        return
    arrived = [(name, body) for delta in tests for name, body in _bodies(delta, delta.after_lines, delta.added)]
    names = {name for name, _ in arrived} | {name for delta in tests for name in _names(delta, _all(delta.after_lines))}
    for delta in tests:
        if delta.status is FileStatus.REMOVED or not delta.removed_count:
            continue
        for name, body in _bodies(delta, delta.before_lines, delta.removed):
            if name not in names and not any(_alike(body, new_body) for _, new_body in arrived):
                yield Hit(
                    delta.path,
                    1,
                    f"The test {name} was removed and did not come back under another name.",
                    anchor=f"removed:{name}",
                )


def _all(lines: tuple[str, ...]) -> list[DiffLine]:
    return [DiffLine(number, text) for number, text in enumerate(lines, start=1)]


def _bodies(delta: Delta, lines: tuple[str, ...], starts: Iterable[DiffLine]) -> Iterator[tuple[str, str]]:
    """Name and up to twelve lines of each test that begins on one of ``starts``."""
    for line in starts:
        for name in _names(delta, (line,)):
            yield name, "\n".join(text.strip() for text in lines[line.number : line.number + 12])[:1500]


_ALIKE: Final = 0.6


def _alike(text: str, second: str) -> bool:
    if not text or not second:
        return False
    matcher = SequenceMatcher(None, text, second, autojunk=False)
    # each is at most the one before, and takes longer
    return all(ratio() >= _ALIKE for ratio in (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio))


def assert_loss(subject: Subject) -> Iterable[Hit]:
    """TST-003: kept tests lost assertions, and called nothing new in their place, while the source changed."""
    tests = _tests(subject)
    if not any(delta.removed_count for delta in tests):
        return
    if not any(delta.added_count or delta.removed_count for delta in _sources(subject)):
        return
    total = sum(_asserts(delta.added) - _asserts(delta.removed) for delta in tests)
    if total >= 0:
        return
    for delta in tests:
        lost_count = _asserts(delta.removed) - _asserts(delta.added)
        if delta.status is FileStatus.REMOVED or lost_count <= 0 or _delegates(delta):
            continue
        if len(_names(delta, delta.removed)) > len(_names(delta, delta.added)):
            continue
        first = delta.first_added or 1
        yield Hit(
            delta.path,
            first,
            f"The tests of this file make {lost_count} fewer assertions than before, while the code changed.",
            anchor="assert-loss",
        )


def _asserts(lines: Iterable[DiffLine]) -> int:
    return sum(1 for line in lines if _ASSERT.search(line.text[:400]))


_CHECK_CALL: Final = regex(r"\b_?(?:check|verify|expect|ensure|assert|validate)\w*\s*\(|\bparametrize\b")


def _delegates(delta: Delta) -> bool:
    """Whether assertions moved into a helper that is called now, or into a table."""
    return any(_CHECK_CALL.search(line.text[:400]) for line in delta.added)


_SKIP_SOURCE: Final = (
    r"@pytest\.mark\.(?:skip|xfail)\b(?!if)|@unittest\.skip\s*\(|(?<![\w.])pytest\.skip\s*\(|self\.skipTest\s*\(|"
    r"\b(?:it|test|describe|context)\.(?:skip|only|todo)\s*\(|"
    r"\bt\.Skip(?:f|Now)?\s*\(|^\s*#\[ignore|^\s*@(?:Disabled|Ignore)\b"
)
_SKIPS: Final = literal_bytes(".skip", ".xfail", ".only", ".todo", "#[ignore", "@disabled", "@ignore")
_SKIP: Final = LinePattern(_SKIP_SOURCE, Anchors(_SKIPS))
_SINGLED_OUT: Final = LinePattern(
    rf"{_SKIP_SOURCE}|(?<![\w.])(?:xit|xdescribe|xtest|fit|fdescribe)\s*\(",
    Anchors((*_SKIPS, *spaced("xit", "xdescribe", "xtest", "fit", "fdescribe", tails=("(",)))),
)
"""With the names that Jasmine and Jest have for it; elsewhere ``fit`` is a method of models."""
_CONDITION: Final = regex(r"^\s*(?:if|elif|else|unless|except|switch|case)\b|\bif\s*\(|\bskipif\b|testing\.Short\(\)")


def test_skipped(subject: Subject) -> Iterable[Hit]:
    """TST-004: a test is skipped, expected to fail, or the only one to run, without a condition."""
    for delta in _tests(subject):
        pattern = _SINGLED_OUT if delta.language in {"javascript", "typescript"} else _SKIP
        for line in delta.gained(pattern, "code"):
            if _conditional(delta, line):
                continue
            yield on_line(delta, line, "A test is skipped, expected to fail, or singled out, without a condition.")


def _conditional(delta: Delta, line: DiffLine) -> bool:
    """Whether the skip stands below an ``if`` (or similar) that is indented less, or carries its own condition."""
    text = line.text
    following = " ".join(delta.after_lines[line.number - 1 : line.number + 4])
    if "xfail" in text and re.search(r"condition\s*=|xfail\s*\(\s*(?:sys|os|not|platform)\b", following):
        return True
    if _CONDITION.search(text):
        return True
    indent = len(text) - len(text.lstrip())
    for above in reversed(delta.after_lines[max(0, line.number - 12) : line.number - 1]):
        if above.strip() and len(above) - len(above.lstrip()) < indent:
            return _CONDITION.search(above) is not None
    return False


_TAUTOLOGY: Final = LinePattern(
    r"^\s*assert\s+(?:True|1|not\s+False|\"[^\"]*\"|1\s*==\s*1|True\s*==\s*True|True\s+is\s+True)\s*(?:,.*)?(?:#.*)?$|"
    r"\bassertTrue\(\s*(?:True|true|1)\s*[,)]|\bassertEqual\(\s*(?:True\s*,\s*True|1\s*,\s*1)\s*[,)]|\bassertFalse\(\s*(?:False|false)\s*[,)]|"
    r"\bexpect\(\s*(?:true|1)\s*\)\.(?:toBe\(\s*(?:true|1)\s*\)|toBeTruthy\(\)|toEqual\(\s*(?:true|1)\s*\))|"
    r"\bassert!\(\s*true\s*\)|\bassert\.(?:True\(\s*t\s*,\s*true|ok\(\s*true)\s*[,)]|\bassert\.equal\(\s*true\s*,\s*true\s*\)",
    Anchors(
        (
            *literal_bytes("assert true", "assert 1", "assert not", 'assert "'),
            *(literal for literal in spaced("assert") if literal != b"assert "),
            *spaced("assert "),
            *spaced("asserttrue(", "assertequal(", "expect(", "assert!(", tails=("true", "1")),
            *spaced("assertfalse(", tails=("false",)),
            *literal_bytes("assert.true(", "assert.ok(", "assert.equal("),
        )
    ),
)


def tautology(subject: Subject) -> Iterable[Hit]:
    """TST-005: an assertion that holds whatever the code does."""
    for delta in _tests(subject):
        for line in delta.gained(_TAUTOLOGY, "uncommented"):
            if _unreachable(delta, line) or not _is_code(delta, line, _TAUTOLOGY.compiled):
                continue
            yield on_line(delta, line, "This assertion is true whatever the code does.")


def _is_code(delta: Delta, line: DiffLine, pattern: re.Pattern[str]) -> bool:
    """Whether the match begins in code and not inside a string."""
    match = pattern.search(line.text[:MAX_LINE])
    if match is None:
        return False
    begins = match.start() + len(match.group()) - len(match.group().lstrip())
    return not delta.mask_after.code[line.number - 1][begins : begins + 1].isspace()


def _unreachable(delta: Delta, line: DiffLine) -> bool:
    """``assert True`` right below ``except`` only says that it was reached."""
    above = delta.after_lines[line.number - 2] if line.number >= 2 else ""
    return re.match(r"\s*(except|catch|finally|else)\b", above) is not None


_THRESHOLD: Final = regex(
    r"(?i)(fail[_\-]under|cov-fail-under|min[_\-]?coverage|coverage[_\-]?threshold|minimum[_\-]?coverage|threshold|"
    r"branches|functions|lines|statements|fail-on|max-warnings|mutation[_\-]?score)"
    r"[\"']?\s{0,5}[=: ]\s{0,5}[\"']?(\d{1,3}(?:\.\d{1,4})?)%?"
)
_GATE_FILE: Final = regex(
    r"(^|/)(pyproject\.toml|setup\.cfg|tox\.ini|\.coveragerc|pytest\.ini|noxfile\.py|package\.json|\.?(jest|vitest|nyc)[^/]*|"
    r"codecov\.ya?ml|\.codecov\.ya?ml|\.nycrc[^/]*|Makefile|justfile|sonar-project\.properties|build\.gradle(\.kts)?|pom\.xml)$|"
    r"^\.github/workflows/|^\.gitlab-ci|^\.circleci/|^\.ci/"
)
_UPWARD: Final = frozenset({"max-warnings"})


def gate_lowered(subject: Subject) -> Iterable[Hit]:
    """TST-006: a threshold goes down, or a checking step may fail unnoticed."""
    for delta in subject.written:
        if delta.is_docs or delta.after is None:
            continue
        if _GATE_FILE.search(delta.path):
            yield from _thresholds(delta)
        if (
            classify.is_workflow(delta.path)
            or delta.language == "shell"
            or delta.path.startswith((".gitlab-ci", ".ci/"))
        ):
            yield from _muted(delta)
        if classify.is_workflow(delta.path):
            yield from _continued(delta)


def _thresholds(delta: Delta) -> Iterator[Hit]:
    for hunk in delta.hunks if delta.removed_count else ():
        was = {
            match[1].lower(): float(match[2]) for line in hunk.removed if (match := _THRESHOLD.search(line.text[:500]))
        }
        for line in hunk.added:
            match = _THRESHOLD.search(line.text[:500])
            if match is None or match[1].lower() not in was:
                continue
            old, new = was[match[1].lower()], float(match[2])
            if new < old if match[1].lower() not in _UPWARD else new > old:
                yield on_line(delta, line, f"{match[1]} goes from {old:g} to {new:g}.")


_CHECKING: Final = (
    r"(?:pytest|tox|nox|mypy|ruff|flake8|pylint|eslint|tsc|jest|vitest|mocha|cargo\s+(?:test|clippy)|go\s+(?:test|vet)|"
    r"golangci-lint|npm\s+(?:run\s+)?(?:test|lint)|yarn\s+(?:test|lint)|pnpm\s+(?:test|lint)|make\s+(?:test|lint|check)|"
    r"gradle\w*\s+(?:test|check)|mvn\s+\S*\s?(?:test|verify)|rspec|rubocop|bandit|semgrep|trivy|actionlint|zizmor|shellcheck|tflint|checkov)"
)
_MUTED: Final = LinePattern(
    rf"\b{_CHECKING}\b[^#\n]{{0,300}}\|\|\s*(?:true|:|exit 0|echo\b)|\bgit\s+(?:commit|push)\b[^#\n]{{0,200}}--no-verify\b",
    Anchors((*spaced("||", tails=("true", ":", "exit 0", "echo")), *literal_bytes("--no-verify"))),
)


def _muted(delta: Delta) -> Iterator[Hit]:
    for line in delta.gained(_MUTED, "uncommented"):
        yield on_line(delta, line, "A check may now fail without anybody noticing.")


def _continued(delta: Delta) -> Iterator[Hit]:
    before, after = delta.documents_before, delta.documents_after
    if isinstance(before, Unparsed) or isinstance(after, Unparsed):
        return
    for find, verb, mark in (
        (_may_fail, "may now fail without failing the workflow", "continue"),
        (_never, "never runs now", "never"),
    ):
        old = {key for document in before for key, _ in _lax(document, find)}
        for key, line in (item for document in after for item in _lax(document, find)):
            if key not in old:
                yield Hit(delta.path, line, f"{key} {verb}.", anchor=f"{mark}:{key}")


def _may_fail(part: LinedNode) -> LinedNode | None:
    return part.having(True, "continue-on-error")


def _never(part: LinedNode) -> LinedNode | None:
    """The condition that a job or step is switched off by."""
    condition = part.get("if")
    return condition if condition is not None and _OFF.fullmatch(condition.raw) else None


def _lax(document: LinedNode, find: Callable[[LinedNode], LinedNode | None]) -> Iterator[tuple[str, int]]:
    """Jobs and steps that check something and of which ``find`` says where they do not: names and lines, each once."""
    for name, job in document.items("jobs"):
        checking = [step for step in job.elements("steps") if _checks(step)]
        job_flag = find(job)
        if job_flag is not None and checking:
            yield f"Job {name!r}", job_flag.line
            continue
        for step in checking:
            step_flag = find(step)
            if step_flag is not None:
                label = (step.get("name") or step.get("run") or step).raw.strip().split("\n")[0][:60]
                yield f"Step {label!r} of job {name}", step_flag.line


_OFF: Final = regex(r"\s*(?:\$\{\{\s*)?(?:false|!\s*true)(?:\s*\}\})?\s*", re.IGNORECASE)
_NAMED_CHECK: Final = regex(
    r"\b(?:tests?\b|testing|linters?\b|lint|type-?check|checks?\b(?![ -]?out)|checking)", re.IGNORECASE
)
_REPORTING: Final = regex(
    r"\W*(?:upload|publish|report|comment|download|cach|restor|sav|notif|annotat|summar|post|archiv|stor|collect|"
    r"check(?:s|ing)? ?out)",
    re.IGNORECASE,
)
"""The first word of what only tells of checks, or prepares them."""
_TELLERS: Final = regex(r"artifact|checkout|cache|codecov|coveralls|report|publish|comment|setup-", re.IGNORECASE)


def _checks(step: LinedNode) -> bool:
    """Whether a step checks something, by what it runs; by its name, unless that or its action only tells of checks."""
    run, name, uses = (step.text_at(key)[:2000] for key in ("run", "name", "uses"))
    if re.search(rf"\b{_CHECKING}\b", run):
        return True
    if _REPORTING.match(name) or _TELLERS.search(uses):
        return False
    return any(_NAMED_CHECK.search(text) or re.search(rf"\b{_CHECKING}\b", text) for text in (name, run, uses))


_SUPPRESSION: Final = LinePattern(
    r"#\s*noqa(?!\s*:)\b|#\s*type:\s*ignore(?!\[)|#\s*pyright:\s*ignore(?!\[)|#\s*pylint:\s*disable=all|#\s*mypy:\s*ignore-errors|"
    r"@ts-nocheck|@ts-ignore|eslint-disable(?:-next-line|-line)?\s*(?:\*/|$)|#\s*nosec(?!\s*B\d)\b|//\s*nolint(?!:)\b|"
    r"#\s*ruff:\s*noqa\s*$|@SuppressWarnings\(\"all\"\)|#!?\[allow\(warnings\)\]",
    Anchors(
        (
            *literal_bytes(
                "noqa", "disable=all", "ignore-errors", "@ts-nocheck", "@ts-ignore", "eslint-disable", "nosec", "nolint"
            ),
            *literal_bytes('suppresswarnings("all")', "allow(warnings)"),
            *spaced("type:", "pyright:", tails=("ignore",)),
        )
    ),
)


def suppression(subject: Subject) -> Iterable[Hit]:
    """TST-007: a blanket suppression."""
    for delta in subject.written:
        if not classify.is_code(delta.language):
            continue
        for line in delta.gained(_SUPPRESSION, "comment"):
            yield Hit(
                delta.path,
                line.number,
                "A blanket suppression hides every warning here.",
                evidence=line.text.strip()[-120:],
            )


PATTERNS: Final = (_SKIP, _SINGLED_OUT, _TAUTOLOGY, _MUTED, _SUPPRESSION)
"""What lines are searched for here."""
