"""Scripts of a POSIX shell as the commands in them, with what keeps the failure of one from ending its script.

Read as a shell reads it, as far as ``-e`` is concerned: words, quotes, comments, here-documents, lists, pipelines, groups,
branches and functions. Called for ``run:`` of workflows. Linear in the script.

Sources: POSIX.1-2017, "Shell Command Language" (2.3 tokens, 2.7.4 here-documents, 2.9 commands, 2.14 ``set``: ``-e`` is ignored
in a condition, behind ``!`` and for all but the last command of an AND-OR list); Bash manual, "Pipelines".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<blank>(?>(?:[ \t\r]|\\\r?\n)+))
    |(?P<comment>\#[^\n]*+)
    |(?P<descriptor>[0-9]++(?=[<>]))
    |(?P<word>(?>(?:
        \\[\s\S] | \$?'[^']*+' | "(?>(?:\\[\s\S]|[^"\\])*)" | \$\{\{(?>(?:[^}]|\}(?!\})){0,1000})\}\} | \$\{[^{}]*+\}
        | [$<>]\((?>(?:[^()]|\([^()]*+\))*)\) | `[^`]*+` | [^\s;&|()<>'"\\`$] | \$
    )+))
    |(?P<operator>&&|\|\||;;&?|;&|\|&|&>>?|<<<|<<-?|>>|<&|>&|<>|>\||[<>;&|()\n])
    |(?P<stray>[\s\S])""",
    re.VERBOSE,
)
_QUOTED: Final = re.compile(r"""\\\n|\\([\s\S])|\$?'([^']*+)'|"((?>(?:\\[\s\S]|[^"\\])*))\"""")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*+)\+?=([\s\S]*)")
_REDIRECTIONS: Final = frozenset({"<", ">", ">>", "<<", "<<-", "<<<", "<&", ">&", "<>", ">|", "&>", "&>>"})
_DECLARING: Final = frozenset({"export", "declare", "typeset", "readonly", "local"})
_MOST: Final = 20
"""Commands of one script that are told."""

HIDDEN: Final = "has its failure passed over"
SWALLOWED: Final = "has its exit code swallowed"
_IN_CONDITION: Final = "is only asked in a condition of its script"
_IN_BRANCH: Final = "only runs in a branch of its script"
_IN_FUNCTION: Final = "only runs where its script calls a function"
_AFTER: Final = {"&&": "only runs where another command succeeds", "||": "only runs where another command fails"}
_ENDS: Final = "only runs where its script does not end before"
_SHADOWED: Final = "is whatever its script says that it is (a function, an alias or PATH)"
_TRAPPED: Final = "has its exit code set by a trap"

_OPENING: Final = {
    "if": ("fi", _IN_CONDITION),
    "while": ("done", _IN_CONDITION),
    "until": ("done", _IN_CONDITION),
    "for": ("done", _IN_BRANCH),
    "select": ("done", _IN_BRANCH),
    "case": ("esac", _IN_BRANCH),
    "{": ("}", ""),
}
_WITHIN: Final = {"then": _IN_BRANCH, "else": _IN_BRANCH, "do": _IN_BRANCH, "elif": _IN_CONDITION}
_CLOSING: Final = frozenset({"fi", "done", "esac", "}"})


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """One simple command. ``evasions`` are the ways in which it may not run or its failure is nobody's, each as the rest
    of a sentence; ``variables`` are those that the script sets before it.
    """

    argv: tuple[str, ...]
    evasions: frozenset[str]
    variables: Mapping[str, str]


def commands(
    script: str, program: str, is_chosen: Callable[[Sequence[str]], bool], *, pipefail: bool = False
) -> tuple[ShellCommand, ...]:
    """The commands of ``program`` that ``is_chosen`` takes, in a script that is run with ``-e``, at most :data:`_MOST`.

    None behind its certain end.
    """
    reader = _Reader(list(_tokens(script)), is_chosen, program, pipefail=pipefail)
    reader.read()
    return tuple(reader.commands())


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    is_word: bool


def _tokens(script: str) -> Iterator[_Token]:
    """Words and operators. What a redirection names, and here-documents, are left out."""
    at, target = 0, ""
    ends: list[str] = []
    while at < len(script):
        match = _TOKEN.match(script, at)
        if match is None:
            return
        at, text = match.end(), match[0]
        if match.lastgroup in {"blank", "comment", "descriptor"}:
            continue
        if target and match.lastgroup == "word":
            ends += [_unquoted(text)] if target.startswith("<<") and target != "<<<" else []
            target = ""
        elif text in _REDIRECTIONS:
            target = text
        else:
            target = ""
            yield _Token(text, is_word=match.lastgroup != "operator")
        if text == "\n" and ends:
            at = _behind(script, at, ends)
            ends = []


def _behind(script: str, at: int, ends: Sequence[str]) -> int:
    """Where the here-documents that begin at ``at`` end."""
    for end in ends:
        match = re.compile(rf"^\t*{re.escape(end)}$", re.MULTILINE).search(script, at)
        if match is None:
            return len(script)
        at = match.end()
    return at


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda match: next((text for text in match.groups() if text is not None), ""), word)


@dataclass(slots=True, eq=False)
class _Node:
    """A command, or a group, branch or function around some: what closes it and what is said of the commands in it."""

    parent: _Node | None = None
    closed_by: str = ""
    within: str = ""
    evasions: set[str] = field(default_factory=set)
    listed: list[_Node] = field(default_factory=list)
    """The elements of the list that is being read, since its last ``&&`` or ``||``."""
    joined: list[_Node] = field(default_factory=list)
    """Those before its last ``&&``."""
    after: str = ""
    negated: bool = False


@dataclass(slots=True)
class _Reader:
    tokens: Sequence[_Token]
    is_chosen: Callable[[Sequence[str]], bool]
    shadowed: str
    pipefail: bool
    at: int = 0
    errexit: bool = True
    over: bool = False
    function: bool = False
    frame: _Node = field(default_factory=_Node)
    argv: list[str] = field(default_factory=list)
    hidden: list[_Node] = field(default_factory=list)
    """Those whose failure nothing heeds where another command follows."""
    later: set[str] = field(default_factory=set)
    """What is said of every command from here on."""
    variables: dict[str, str] = field(default_factory=dict)
    chosen_commands: list[tuple[_Node, tuple[str, ...], Mapping[str, str]]] = field(default_factory=list)

    def commands(self) -> Iterator[ShellCommand]:
        for node, argv, variables in self.chosen_commands:
            evasions: set[str] = set()
            around: _Node | None = node
            while around is not None:
                evasions |= around.evasions
                around = around.parent
            yield ShellCommand(argv, frozenset(evasions), variables)

    def read(self) -> None:
        while self.at < len(self.tokens) and not self.over:
            token = self.tokens[self.at]
            self.at += 1
            if not token.is_word:
                self._operator(token.text)
            elif self.argv or not self._reserved(token.text):
                self.argv.append(token.text)
        self._command()

    def _reserved(self, word: str) -> bool:
        """Whether the word is one of the shell's own, which it then heeds."""
        if word in _OPENING:
            self._open(*_OPENING[word])
        elif word in _WITHIN and self.frame.closed_by in {"fi", "done"}:
            self._end()
            self.frame.within = _WITHIN[word]
        elif word in _CLOSING and word == self.frame.closed_by:
            self._close()
        elif word == "!":
            self.frame.negated = True
        elif word == "function":
            self._name_function(self._peek())
            self.at += 1
        else:
            return word == "time"
        return True

    def _operator(self, operator: str) -> None:
        if operator == "(":
            self._parenthesis()
            return
        self._command()
        match operator:
            case ")":
                if self.frame.closed_by == ")":
                    self._close()
                else:
                    self._end()
            case "&&":
                self.frame.joined += self.frame.listed
                self._next("&&")
            case "||":
                if not self._fails():
                    _mark(SWALLOWED, (*self.frame.joined, *self.frame.listed))
                self.frame.joined.clear()
                self._next("||")
            case "|" | "|&":
                if not self.pipefail:
                    _mark(SWALLOWED, self.frame.listed[-1:])
            case "&":
                _mark(SWALLOWED, (*self.frame.joined, *self.frame.listed))
                self._end()
            case _:
                self._end()

    def _parenthesis(self) -> None:
        """A subshell, or what makes the word before it a function."""
        if self._peek() == ")" and (self.argv or self.function):
            self.at += 1
            self._name_function(self.argv[0] if self.argv else "")
            self.argv.clear()
        else:
            self._command()
            self._open(")", "")

    def _name_function(self, name: str) -> None:
        self.function = True
        if name == self.shadowed:
            self.later.add(_SHADOWED)

    def _peek(self) -> str:
        return self.tokens[self.at].text if self.at < len(self.tokens) else ""

    def _fails(self) -> bool:
        """Whether what begins here ends the script with a failure: ``exit 1``, also within braces."""
        ahead = [token.text for token in self.tokens[self.at : self.at + 40]]
        if ahead[:1] == ["{"] and "}" in ahead:
            group_words = [text if text != "\n" else ";" for text in ahead[1 : ahead.index("}")]]
            simple = not {"&&", "||", "|", "&", "if", "(", "{"} & {*group_words}
            while group_words[-1:] == [";"]:
                group_words.pop()
            last = group_words[len(group_words) - group_words[::-1].index(";") :] if ";" in group_words else group_words
            return simple and last[:1] in (["exit"], ["return"]) and _is_failure(last[1:2])
        end = next((number for number, text in enumerate(ahead) if text in {"\n", ";"}), len(ahead))
        first = ahead[:end]
        return first == ["false"] or (first[:1] in (["exit"], ["return"]) and (not first[1:] or _is_failure(first[1:])))

    def _open(self, closed_by: str, opening: str) -> None:
        node = _Node(self.frame, closed_by, _IN_FUNCTION if self.function else opening)
        self.function = False
        self._begin(node)
        self.frame = node

    def _close(self) -> None:
        self._end()
        if self.frame.parent is not None:
            self.frame = self.frame.parent

    def _begin(self, node: _Node) -> None:
        """A command or a group begins in the group that is open."""
        _mark(HIDDEN, self.hidden)
        self.hidden.clear()
        node.evasions |= self.later
        if self.frame.within:
            node.evasions.add(self.frame.within)
        if self.frame.after:
            node.evasions.add(_AFTER[self.frame.after])
        if self.frame.negated:
            node.evasions.add(SWALLOWED)
        self.frame.listed.append(node)

    def _next(self, after: str) -> None:
        self.frame.listed.clear()
        self.frame.after, self.frame.negated = after, False

    def _end(self) -> None:
        """A list ends."""
        self.hidden += self.frame.joined
        if not self.errexit:
            self.hidden += self.frame.listed
        self.frame.joined.clear()
        self._next("")

    def _command(self) -> None:
        """The words that were read are a command."""
        if not self.argv:
            return
        argv = tuple(map(_unquoted, self.argv))
        self.argv.clear()
        node = _Node(self.frame)
        self._begin(node)
        is_chosen = self.is_chosen(argv)
        if is_chosen and len(self.chosen_commands) < _MOST:
            self.chosen_commands.append((node, argv, dict(self.variables)))
        self._set(argv)
        if (argv[0] in {"exit", "return"} or (argv[0] == "exec" and argv[1:])) and self.frame.closed_by != ")":
            self._leave(argv, certain=self._is_certain())

    def _leave(self, argv: tuple[str, ...], *, certain: bool) -> None:
        if certain:
            self.over = True
        elif not _is_failure(argv[1:2]) and not (argv[0] == "return" and self.frame.within == _IN_FUNCTION):
            self.later.add(_ENDS)

    def _is_certain(self) -> bool:
        """Whether what is read now is run whenever the script comes to it."""
        frame: _Node | None = self.frame
        depth = 0
        while frame is not None:
            depth += 1
            if frame.within or frame.after or frame.closed_by == ")" or depth > 50:
                return False
            frame = frame.parent
        return True

    def _set(self, argv: tuple[str, ...]) -> None:
        """What a command changes for those after it."""
        match argv[0]:
            case "set":
                self._options(argv[1:])
            case "trap" if "exit" in " ".join(argv[1:2]) and {"EXIT", "0", "ERR"} & {*argv[2:]}:
                self.later.add(_TRAPPED)
            case "alias" if any(argument.partition("=")[0] == self.shadowed for argument in argv[1:]):
                self.later.add(_SHADOWED)
        declared = argv[1:] if argv[0] in _DECLARING else argv
        for argument in declared:
            match = _ASSIGNMENT.fullmatch(argument)
            if match is None:
                if argv[0] not in _DECLARING:
                    break
                continue
            self.variables[match[1]] = match[2]
            if match[1] == "PATH":
                self.later.add(_SHADOWED)

    def _options(self, arguments: Sequence[str]) -> None:
        """``set``. What it turns off counts wherever it stands; what it turns on, where it is certain to be run."""
        for number, argument in enumerate(arguments):
            on = argument.startswith("-")
            if argument[:1] not in {"-", "+"} or (on and not self._is_certain()):
                continue
            name = arguments[number + 1] if argument.endswith("o") and number + 1 < len(arguments) else ""
            if "e" in argument[1:] or name == "errexit":
                self.errexit = on
            if name == "pipefail":
                self.pipefail = on


def _is_failure(arguments: Sequence[str]) -> bool:
    """Whether the argument of ``exit`` is a failure for certain."""
    return bool(arguments) and arguments[0].isdecimal() and int(arguments[0][:6]) % 256 != 0


def _mark(evasion: str, nodes: Sequence[_Node]) -> None:
    for node in nodes:
        node.evasions.add(evasion)
