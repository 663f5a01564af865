"""Parser for ``.cw``, ``.cwvars`` and Terraform files: HCL native syntax to :mod:`bot.intake.syntax`.

Written by hand so that every mistake says what was expected, line ends count as HCL says they do, and one mistake does
not hide the next. Grammar: the HCL native syntax specification. Callers: :mod:`bot.assembly`, :mod:`bot.intake.terraform`,
:mod:`bot.edits`.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Final

from bot.intake.scanner import Mistake, Scanner
from bot.intake.syntax import (
    Assignment,
    Attribute,
    Binary,
    Block,
    BlockLabel,
    Body,
    Conditional,
    Expression,
    ForExpression,
    FunctionCall,
    Index,
    ListExpression,
    Literal,
    Name,
    ObjectExpression,
    ObjectItem,
    Parentheses,
    Parsed,
    Splat,
    Template,
    Unary,
)
from bot.intake.templates import heredoc, loop_names, quoted
from bot.intake.text import NotText, Text, text_error
from bot.model.resource import SourceError

_NUMBER: Final = re.compile(r"[0-9]+(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?")
_OPERATOR: Final = re.compile(r"\|\||&&|==|!=|<=|>=|[<>+\-*/%]")
_PRECEDENCE: Final = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
"""HCL native syntax specification, "Operations"."""
_DEEPEST: Final = 50
_LONGEST_CHAIN: Final = 100
"""One level of nesting costs up to eleven frames of the interpreter (an operator of each precedence on the way): fifty of
them stay below its limit of a thousand, wherever the parser is called from.
"""
_MOST_ERRORS: Final = 20
_LONGEST_NUMBER: Final = 300


def parse(file: str, data: bytes) -> Parsed:
    """The syntax tree of one file and all its mistakes. Never raises for bad input."""
    try:
        return parse_text(Text.of(file, data))
    except NotText as problem:
        return Parsed(Text(file, ""), Body(0, 0, ()), (text_error(file, problem),))


def parse_text(text: Text) -> Parsed:
    """As :func:`parse`, for characters. Linear in the text whatever it is; depth is bounded."""
    parser = _Parser(text)
    body = parser.body(None)
    return Parsed(text, body, tuple(parser.errors), parser.cut_off)


def parse_expression(text: Text) -> Expression:
    """The one expression that ``text`` is. Raises :class:`~bot.intake.scanner.Mistake`."""
    parser = _Parser(text)
    expression = parser.expression()
    parser.scan.skip_lines()
    if parser.scan.at < len(text.chars):
        raise parser.scan.mistake(f"unexpected {parser.scan.next_word()} after the expression", "its end")
    return expression


class _Parser:
    """Recursive descent. Depth is bounded, so that hostile nesting is a mistake like any other."""

    def __init__(self, text: Text) -> None:
        self.scan = Scanner(text)
        self.errors: list[SourceError] = []
        self.depth = 0
        self.lost = False
        self.cut_off = False

    def body(self, opened_at: int | None) -> Body:
        """Attributes and blocks up to the closing brace (or the end of the file when ``opened_at`` is None)."""
        scan = self.scan
        start, depth = scan.at, self.depth
        items: list[Assignment | Block] = []
        while True:
            scan.skip_lines()
            if scan.at >= len(scan.chars):
                if opened_at is not None and not self.lost:
                    self._record(scan.mistake("this block is not closed", "'}'", opened_at))
                return Body(start, scan.at, tuple(items))
            if opened_at is not None and scan.peek("}"):
                return Body(start, scan.at, tuple(items))
            try:
                items.append(self._item())
                self._end_of_item()
            except Mistake as mistake:
                self._record(mistake)
                self.depth = depth
                scan.recover()
                self.lost = scan.at >= len(scan.chars)
                if opened_at is None:
                    scan.take("}")

    def _record(self, mistake: Mistake) -> None:
        self.cut_off |= mistake.at_end
        if len(self.errors) < _MOST_ERRORS:
            self.errors.append(mistake.error)

    def _end_of_item(self) -> None:
        scan = self.scan
        scan.skip()
        if scan.at < len(scan.chars) and scan.chars[scan.at] not in "\n}":
            raise scan.mistake(f"unexpected {scan.next_word()}", "a new line")

    def _item(self) -> Assignment | Block:
        scan = self.scan
        start = scan.at
        name = scan.identifier()
        if name is None:
            raise scan.mistake(f"unexpected {scan.next_word()}", "an attribute or a block")
        if scan.peek("=") and not scan.peek("=="):
            scan.at += 1
            scan.skip()
            value = self.expression()
            return Assignment(start, value.end, name, value)
        labels = self._labels()
        if not scan.peek("{"):
            expected = "'=' or '{'" if not labels else "'{'"
            raise scan.mistake(f"unexpected {scan.next_word()} after {scan.quoted(name)}", expected)
        return self._block(start, name, labels)

    def _block(self, start: int, name: str, labels: tuple[BlockLabel, ...]) -> Block:
        scan = self.scan
        opened_at = scan.at
        scan.at += 1
        depth = self._deeper()
        body = self.body(opened_at)
        self.depth = depth
        scan.take("}")
        return Block(start, scan.at, name, labels, body)

    def _labels(self) -> tuple[BlockLabel, ...]:
        labels: list[BlockLabel] = []
        while True:
            self.scan.skip()
            start = self.scan.at
            if self.scan.peek('"'):
                template = quoted(self.scan, self.expression)
                if template.literal is None:
                    raise self.scan.mistake("a label is plain text", "text without '${'", start)
                labels.append(BlockLabel(start, template.end, template.literal))
            elif (label := self.scan.identifier()) is not None:
                labels.append(BlockLabel(start, self.scan.at, label))
            else:
                return tuple(labels)

    def _deeper(self) -> int:
        before = self.depth
        if before >= _DEEPEST:
            raise self.scan.mistake(f"nested more than {_DEEPEST} levels deep")
        self.depth = before + 1
        return before

    def expression(self) -> Expression:
        """One expression, conditionals included."""
        depth = self._deeper()
        try:
            condition = self._operation(1)
            if not self.scan.take("?"):
                return condition
            yes = self.expression()
            self.scan.need(":", "in a conditional")
            no = self.expression()
            return Conditional(condition.start, no.end, condition, yes, no)
        finally:
            self.depth = depth

    def _operation(self, weakest: int) -> Expression:
        left = self._unary()
        for _ in range(_LONGEST_CHAIN):
            self.scan.skip()
            operator = _OPERATOR.match(self.scan.chars, self.scan.at)
            if operator is None or _PRECEDENCE[operator[0]] < weakest:
                return left
            self.scan.at = operator.end()
            right = self._operation(_PRECEDENCE[operator[0]] + 1)
            left = Binary(left.start, right.end, operator[0], left, right)
        raise self.scan.mistake(f"more than {_LONGEST_CHAIN} operators in a row")

    def _unary(self) -> Expression:
        self.scan.skip()
        start = self.scan.at
        sign = self.scan.chars[start : start + 1]
        if sign in {"-", "!"} and not self.scan.chars.startswith("!=", start):
            self.scan.at += 1
            depth = self._deeper()
            operand = self._unary()
            self.depth = depth
            return Unary(start, operand.end, sign, operand)
        return self._postfix(self._primary())

    def _primary(self) -> Expression:
        scan = self.scan
        scan.skip()
        start, char = scan.at, scan.chars[scan.at : scan.at + 1]
        if char == '"':
            return quoted(scan, self.expression)
        if scan.chars.startswith("<<", start):
            return heredoc(scan, self.expression)
        if number := _NUMBER.match(scan.chars, start):
            return self._number(number)
        if char == "(":
            return self._parentheses(start)
        if char == "[":
            return self._list(start)
        if char == "{":
            return self._object(start)
        name = scan.identifier()
        if name is None:
            raise scan.mistake(f"unexpected {scan.next_word()}", "a value")
        if scan.peek("(") or scan.peek("::"):
            return self._call(start, self._with_namespaces(name))
        if name in {"true", "false", "null"}:
            return Literal(start, start + len(name), {"true": True, "false": False}.get(name))
        return Name(start, start + len(name), name)

    def _number(self, match: re.Match[str]) -> Literal:
        self.scan.at = match.end()
        is_whole = match["fraction"] is None and match["exponent"] is None
        value = int(match[0]) if is_whole and len(match[0]) < _LONGEST_NUMBER else float(match[0])
        if math.isinf(value) or len(match[0]) >= _LONGEST_NUMBER:
            raise self.scan.mistake("this number is too large", at=match.start())
        exact = int(Decimal(match[0])) if value == int(value) else value  # 1e30 as a float is another whole number
        return Literal(match.start(), match.end(), exact)

    def _parentheses(self, start: int) -> Parentheses:
        nested, self.scan.nested = self.scan.nested, 1
        self.scan.at += 1
        inner = self.expression()
        self.scan.need(")", "in parentheses")
        self.scan.nested = nested
        return Parentheses(start, self.scan.at, inner)

    def _list(self, start: int) -> Expression:
        scan = self.scan
        nested, scan.nested = scan.nested, 1
        scan.at += 1
        if self._is_for():
            result: Expression = self._for(start, "]")
        else:
            items: list[Expression] = []
            while not scan.peek("]"):
                items.append(self.expression())
                if not scan.take(",") and not scan.peek("]"):
                    raise scan.mistake(f"unexpected {scan.next_word()} in a list", "',' or ']'")
            scan.at += 1
            result = ListExpression(start, scan.at, tuple(items))
        scan.nested = nested
        return result

    def _is_for(self) -> bool:
        self.scan.skip_lines()
        return re.compile(r"for\b(?!\s*[=:])").match(self.scan.chars, self.scan.at) is not None

    def _for(self, start: int, closing: str) -> ForExpression:
        scan = self.scan
        nested, scan.nested = scan.nested, 1
        scan.identifier()
        names = loop_names(scan)
        collection = self.expression()
        scan.need(":", "in a for expression")
        value = self.expression()
        key, grouped = None, False
        if closing == "}":
            scan.need("=>", "in a for expression that makes an object")
            key, value = value, self.expression()
            grouped = scan.take("...")
        condition = None
        mark = scan.at
        if scan.identifier() == "if":
            condition = self.expression()
        else:
            scan.at = mark
        scan.need(closing, "in a for expression")
        scan.nested = nested
        return ForExpression(start, scan.at, names, collection, key, value, condition, grouped)

    def _object(self, start: int) -> Expression:
        scan = self.scan
        scan.at += 1
        if self._is_for():
            return self._for(start, "}")
        nested, scan.nested = scan.nested, 0
        items: list[ObjectItem] = []
        scan.skip_lines()
        while not scan.peek("}"):
            items.append(self._object_item())
            if not scan.take(",") and not scan.peek("\n") and not scan.peek("}"):
                raise scan.mistake(f"unexpected {scan.next_word()} in an object", "',', a new line or '}'")
            scan.skip_lines()
        scan.at += 1
        scan.nested = nested
        return ObjectExpression(start, scan.at, tuple(items))

    def _object_item(self) -> ObjectItem:
        depth = self._deeper()  # a key may be an object again, and does not pass through `expression`
        key = self._operation(1)
        self.depth = depth
        if not self.scan.take("=") and not self.scan.take(":"):
            raise self.scan.mistake(f"unexpected {self.scan.next_word()} after an object's key", "'=' or ':'")
        value = self.expression()
        return ObjectItem(key.start, value.end, key, value)

    def _with_namespaces(self, name: str) -> str:
        """The whole name of a function: providers bring their own since Terraform 1.8, ``provider::aws::arn_parse``."""
        while self.scan.take("::"):
            segment = self.scan.identifier()
            if segment is None:
                raise self.scan.mistake(f"unexpected {self.scan.next_word()} after '::'", "a name")
            name = f"{name}::{segment}"
        if not self.scan.peek("("):
            raise self.scan.mistake(f"unexpected {self.scan.next_word()} after {self.scan.quoted(name)}", "'('")
        return name

    def _call(self, start: int, name: str) -> FunctionCall:
        scan = self.scan
        nested, scan.nested = scan.nested, 1
        scan.at += 1
        arguments: list[Expression] = []
        spread = False
        while not scan.peek(")"):
            arguments.append(self.expression())
            spread = scan.take("...")
            if (spread or not scan.take(",")) and not scan.peek(")"):
                raise scan.mistake(
                    f"unexpected {scan.next_word()} in the arguments of {scan.quoted(name)}()", "',' or ')'"
                )
        scan.at += 1
        scan.nested = nested
        return FunctionCall(start, scan.at, name, tuple(arguments), spread)

    def _postfix(self, target: Expression) -> Expression:
        scan = self.scan
        for _ in range(_LONGEST_CHAIN):
            scan.skip()
            if scan.chars.startswith("...", scan.at):
                return target
            if scan.chars.startswith((".*", "[*]"), scan.at):
                target = self._splat(target)
            elif scan.chars.startswith("[", scan.at):
                target = self._index(target)
            elif scan.chars.startswith(".", scan.at):
                target = self._attribute(target)
            else:
                return target
        raise scan.mistake(f"more than {_LONGEST_CHAIN} steps in one reference")

    def _splat(self, target: Expression) -> Splat:
        scan = self.scan
        full = scan.chars.startswith("[", scan.at)
        scan.at += 3 if full else 2
        steps: list[str | Expression] = []
        end = scan.at
        while len(steps) < _LONGEST_CHAIN:
            if scan.chars.startswith(".", scan.at) and not scan.chars.startswith((".*", "..."), scan.at):
                scan.at += 1
                steps.append(self._step_name())
            elif full and scan.chars.startswith("[", scan.at) and not scan.chars.startswith("[*]", scan.at):
                steps.append(self._index(target).key)
            else:
                break
            end = scan.at
        return Splat(target.start, end, target, tuple(steps))

    def _step_name(self) -> str:
        digits = re.compile(r"[0-9]+").match(self.scan.chars, self.scan.at)
        if digits:
            self.scan.at = digits.end()
            return digits[0]
        name = self.scan.identifier()
        if name is None:
            raise self.scan.mistake(f"unexpected {self.scan.next_word()} after '.'", "a name")
        return name

    def _index(self, target: Expression) -> Index:
        scan = self.scan
        nested, scan.nested = scan.nested, 1
        scan.at += 1
        key = self.expression()
        scan.need("]", "in an index")
        scan.nested = nested
        return Index(target.start, scan.at, target, key)

    def _attribute(self, target: Expression) -> Expression:
        self.scan.at += 1
        start = self.scan.at
        name = self._step_name()
        if name.isdigit():
            return Index(target.start, self.scan.at, target, Literal(start, self.scan.at, int(name)))
        return Attribute(target.start, self.scan.at, target, name)


def literal_value(expression: Expression) -> tuple[bool, None | bool | int | float | str]:
    """Whether an expression is one literal, and its value."""
    if isinstance(expression, Literal):
        return True, expression.value
    if isinstance(expression, Template) and expression.literal is not None:
        return True, expression.literal
    if isinstance(expression, Unary) and expression.operator == "-" and isinstance(expression.operand, Literal):
        value = expression.operand.value
        return isinstance(value, (int, float)), -value if isinstance(value, (int, float)) else None
    return False, None
