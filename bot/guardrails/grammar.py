"""Does a file parse? For Python, JSON, YAML, TOML and HCL; other languages are not judged.

"Does not parse" must be certain: files in a newer grammar than this Python's, templates, and files with comments in
JSON are given the benefit of the doubt.
"""

from __future__ import annotations

import ast
import json
import re
import symtable
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import PurePosixPath
from typing import Final

from bot.guardrails.classify import language
from bot.guardrails.structure import MAX_DEPTH, Documents, Unparsed, deepest, is_template, parse_documents
from bot.model.dataclass import dataclass
from bot.model.patterns import regex

_MAX_PYTHON: Final = 400_000
_NEWER_GRAMMAR: Final = (
    (regex(r"^(\s*)type\s+(\w+)\s*(\[.*?\])?\s*="), r"\1\2 ="),
    (regex(r"^(\s*(?:async\s+)?(?:def|class)\s+\w+)\[[^\n]{0,300}?\](?=\s*[(:])"), r"\1"),
    (regex(r"^(\s*except\*?)\s+([\w.]+(?:\s*,\s*[\w.]+)+)\s*:"), r"\1 (\2):"),
)
_FORMATTED: Final = regex(r"(?i)\b(f|t|rf|fr|rt|tr)['\"]")
_JSON_WITH_COMMENTS: Final = regex(
    r"(^|/)(tsconfig[^/]*|jsconfig[^/]*|\.eslintrc|devcontainer|\.devcontainer)\.json$|(^|/)\.vscode/|\.(jsonc|json5|code-workspace)$"
)
_HCL_SUFFIXES: Final = frozenset({".tf", ".tofu", ".tfvars", ".hcl", ".cw", ".cwvars"})


@dataclass(frozen=True, slots=True)
class ParseFailure:
    """Why a file does not parse. ``line`` counts from 1; ``at_end`` when the text stops too early."""

    language: str
    message: str
    line: int
    at_end: bool = False


def parse_error(path: str, text: str, documents: Callable[[], Documents] | None = None) -> ParseFailure | None:
    """What is wrong with ``text`` as the language that ``path`` names; None when it parses or cannot be judged.

    ``documents`` gives what the text is as YAML, where the caller has it.
    """
    if not text.strip():
        return None
    match language(path):
        case "python":
            return _python(text)
        case "json":
            return _json(path, text)
        case "yaml":
            return _yaml(path, text, documents or partial(parse_documents, text))
        case "toml":
            return _toml(text)
        case "hcl" if PurePosixPath(path).suffix in _HCL_SUFFIXES:
            return _hcl(text)
        case _:
            return None


def _python(text: str) -> ParseFailure | None:
    if len(text) > _MAX_PYTHON or deepest(text) > MAX_DEPTH or "{%" in text or "{{ " in text[:2000]:
        return None
    lines = text.split("\n")
    for _ in range(30):
        failure = _python_once("\n".join(lines))
        if failure is None:
            return None
        at = min(failure.line, len(lines)) - 1
        if any(_FORMATTED.search(line) for line in lines[max(at - 1, 0) : at + 1]):
            return None
        older = _older(lines[at])
        if older == lines[at]:
            return failure
        lines[at] = older
    return None


def _older(line: str) -> str:
    """The line with constructs of newer Pythons rewritten to what every supported Python parses."""
    for pattern, replacement in _NEWER_GRAMMAR:
        line = pattern.sub(replacement, line[:2000])
    return line


def _python_once(text: str) -> ParseFailure | None:
    if _has_symbols(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        line = error.lineno or 1
        at_end = "never closed" in error.msg or "EOF" in error.msg or "unterminated" in error.msg
        return ParseFailure("Python", error.msg, line, at_end or line >= text.rstrip().count("\n") + 1)
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def _has_symbols(text: str) -> bool:
    """Whether the compiler makes a symbol table of it, so that it parses: without building a tree of Python objects."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            symtable.symtable(text, "", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _json(path: str, text: str) -> ParseFailure | None:
    if _JSON_WITH_COMMENTS.search(path) or deepest(text) > MAX_DEPTH:
        return None
    if re.search(r"^\s*(//|/\*)", text, re.MULTILINE) or is_template(text):
        return None
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return None
        return ParseFailure("JSON", error.msg, error.lineno, error.pos >= len(text.rstrip()) - 1)
    except (RecursionError, ValueError):
        return None
    return None


def _yaml(path: str, text: str, read: Callable[[], Documents]) -> ParseFailure | None:
    if is_template(text) or re.search(r"(^|/)templates/", path):
        return None
    documents = read()
    if isinstance(documents, Unparsed) and not documents.hostile:
        return ParseFailure("YAML", documents.message, documents.line, documents.line >= text.rstrip().count("\n") + 1)
    return None


def _toml(text: str) -> ParseFailure | None:
    if is_template(text) or deepest(text) > MAX_DEPTH:
        return None
    import tomllib

    try:
        tomllib.loads(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"at line (\d+)", str(error))
        line = int(match[1]) if match else text.count("\n") + 1
        return ParseFailure("TOML", re.sub(r" \(at .*\)", "", str(error)), line, match is None)
    except RecursionError:
        return None
    return None


def _hcl(text: str) -> ParseFailure | None:
    from bot.guardrails import hcl

    parsed = hcl.parse(text)
    if not parsed.errors:
        return None
    first = parsed.errors[0]
    return ParseFailure("HCL", first.message, first.line, parsed.cut_off or first.line >= text.rstrip().count("\n"))
