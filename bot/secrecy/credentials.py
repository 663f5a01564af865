r"""Where credentials stand in a text: a configuration file, a command, a connection string, a log line.

A credential is known by the form of its provider (:mod:`bot.secrecy.tokens`), by the name before it
(:mod:`bot.secrecy.vocabulary`), by the option or program that takes it, or by its own shape. All of a text is hostile:
every pattern here needs linear time, which is why quantifiers of characters are possessive (``*+``) or bounded, repeated
groups atomic (``(?>…)``), and why what was consumed once is not looked at again. A possessive *group* is nowhere: before
3.11.5 Python takes too much with one (python/cpython#100061, #106052).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import Final

from bot.model.dataclass import dataclass
from bot.model.patterns import regex
from bot.secrecy.tokens import Credential, tokens
from bot.secrecy.vocabulary import harmless, holds_secret, secret_name

_QUOTE: Final = r"\\*+[\"'`]"
_QUOTED: Final = (
    # quotes that are escaped themselves (JSON inside of JSON) end at the next escape
    r"\\++\"(?P<escaped>[^\"\n\\]*+)|\\++'(?P<escaped2>[^'\n\\]*+)"
    r"|\"(?P<double>(?>(?:[^\"\n\\]++|\\.)*))|'(?P<single>(?>(?:[^'\n\\]++|''|\\.)*))|`(?P<back>[^`\n]*+)"
)
_BARE: Final = r"(?:\$\{[^}\n]*+\}|\$\([^)\n]*+\)|\{\{[^}\n]*+\}\}|<[a-z][\w -]*+>|[^\s,;&\"'`})\]<>{=\[\\$]++|\$)"
_VALUE: Final = regex(rf"{_QUOTED}|(?P<bare>{_BARE}(?>(?:{_BARE}|[=<>{{\[\"'`\\](?=\S))*))")
_UNSPACED: Final = regex(r"\S++")
_NEXT: Final = regex(r"\\*+[\"'`]?\s*+,\s*+")

_NAMED: Final = regex(
    rf"(?<![\w.-])[.-]{{0,2}}(?P<name>[A-Za-z_][\w.-]*+)(?>(?P<quote>{_QUOTE})?)(?:"
    # a YAML block, or a value or list on the lines below
    r":[ \t]*+(?>(?P<block>[|>][-+\d]*+[ \t]*+(?:\#[^\n]*+)?)?)\n(?P<below>[ \t\n]*+(?>(?:-[ \t]++)?))"
    # NAME=value, 'name' => 'value'
    r"|\]?+[ \t]*+(?:=>|:=|\?=|=)[ \t]*+(?P<list>(?>(?:\[\s*+){0,2}))"
    # name: value, "name": "value"
    r"|(?:(?(quote)\]?+|)[ \t]*+:(?(quote)|(?=[ \t\"'`])))[ \t]*+(?P<list2>(?>(?:\[\s*+){0,2}))"
    # name:value without a space is also how an image or an address is written
    r"|:(?P<glued>(?![/\s]|\$[\w({]|\{\{))"
    r")"
)
_GLUED: Final = regex(r"[^\s\"'`,;]{2,}+")
_PASSWORD_NAME: Final = regex(r"(?:pass(?:word|wd|phrase)?|pwd)\Z", re.IGNORECASE)
_TOKEN_NAME: Final = regex(r"(?:secret|token|(?:api|access|private)[-_]?key)\Z", re.IGNORECASE)
_VERSION: Final = regex(r"v?\d+(?>(?:[.-]\w+)*)(?:@sha256:[0-9a-f]*+)?|latest|[^:]{0,7}")
_MAPPING_ENTRY: Final = regex(r"[^\n]{0,200}?:(?:\s|\Z)")


def is_secret(name: str, value: str) -> bool:
    """Whether ``value``, which is called ``name``, is a secret by its name or carries one by its look."""
    return holds_secret(name, value) or looks_secret(value)


def looks_secret(text: str) -> bool:
    """Whether the text itself carries a credential."""
    return next(credentials(text), None) is not None


def credentials(text: str) -> Iterator[Credential]:
    """Everything secret in ``text``, in no order; some may overlap."""
    yield from tokens(text)
    small = _in_small_letters(text)
    yield from _named(text)
    yield from _with_value(text, small, _NAMED_VALUES)
    yield from _arguments(text, small)
    yield from _shaped(text, small)


def _in_small_letters(text: str) -> str:
    """Of ASCII only, so that places in it are places in the text: ``str.lower`` makes two characters of İ."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _bare(value: str) -> str:
    return value.strip("\"'`")


def _named(text: str) -> Iterator[Credential]:
    """What ``text`` assigns to a secret name."""
    at = 0
    while (match := _NAMED.search(text, at)) is not None:
        at = match.end()
        if not secret_name(match["name"]):
            continue
        for start, end in _values(text, match):
            at = max(at, end)
            if end - start > 1 and holds_secret(match["name"], _bare(text[start:end])):
                yield Credential(start, end, "secret")


def _values(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Where the values stand that belong to a name: one, the elements of a list, or the lines below."""
    if match["below"] is not None:
        yield from _lines_below(text, match)
        return
    at = match.end()
    if match["glued"] is not None:
        yield from _glued(text, match)
        return
    while (value := _VALUE.match(text, at)) is not None:
        start, end = value.span(value.lastgroup or 0)
        yield start, end
        following = _NEXT.match(text, end) if match["list"] or match["list2"] else None
        if following is None:
            return
        at = following.end()


def _glued(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The value right behind the colon, unless it is the tag of an image or the port of an address."""
    name = match["name"]
    is_password = _PASSWORD_NAME.search(name) is not None
    if text[max(match.start() - 1, 0) : match.start()] in {"/", "@"} or not (is_password or _TOKEN_NAME.search(name)):
        return
    value = _GLUED.match(text, match.end())
    if value is not None and (is_password or not _VERSION.fullmatch(value[0])):
        yield value.span()


def _lines_below(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """The lines of a YAML block or list; a mapping below a name has names of its own."""
    below = match["below"]
    is_list = "-" in below
    indent = below.rpartition("\n")[2].partition("-")[0]
    if not indent and not is_list:
        return
    at = match.end()
    if match["block"] is None and _MAPPING_ENTRY.match(text, at):
        return
    prefix = f"{indent}-" if is_list else indent
    while True:
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        start = at + len(text[at:end]) - len(text[at:end].lstrip("- \t" if is_list else " \t"))
        if start < end:
            yield (start, end) if match["block"] is not None else _trimmed(text, start, end)
        at = end + 1
        if at >= len(text) or (match["block"] is None and not is_list):
            return
        if not text.startswith(prefix, at) and not text.startswith("\n", at):
            return


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A plain scalar on a line, without what follows it."""
    value = _VALUE.match(text, start, end) or _UNSPACED.match(text, start, end)
    return (start, end) if value is None else value.span(value.lastgroup or 0)


@dataclass(frozen=True, slots=True)
class _Form:
    """A form in which a credential is written. A text without ``needle`` (small letters) has none of it: most texts.

    ``small`` says that the pattern is written in small letters and searches the text in small letters. ``accepts`` is
    asked with the match in the text itself.
    """

    needle: str
    pattern: re.Pattern[str]
    kind: str = "secret"
    small: bool = False
    accepts: Callable[[str], bool] = lambda _: True

    def matches(self, text: str, small: str) -> Iterator[re.Match[str]]:
        return self.pattern.finditer(small if self.small else text)


def _possible(forms: Iterable[_Form], small: str) -> list[_Form]:
    """Those of ``forms`` whose needle is in a text (small letters)."""
    return [form for form in forms if form.needle in small]


_OPTION: Final = _Form(
    "-",
    # --name value, --name=value, -name value
    regex(
        r"-(?<![^\s\"'=(\[,]-)-?+(?!no-|enable-|disable-|skip-)(?P<name>[A-Za-z][\w.-]{0,60}+)(?:[ \t]++|=)"
        r"(?P<value>\"[^\"\n]++\"|'[^'\n]++'|[^\s\"'-]\S*+|-(?!-|\w(?:\s|\Z))\S++)"
    ),
)
_NAMED_VALUES: Final = (
    _OPTION,
    # {name: NAME, value: value}, <add key="NAME" value="value">
    _Form(
        "value",
        regex(
            rf"\b(?:name|key)(?>(?:{_QUOTE})?)\s{{0,50}}+[=:]\s{{0,50}}+(?>(?:{_QUOTE})?)(?P<name>[A-Za-z_][\w.-]{{0,200}}+)"
            rf"(?>(?:{_QUOTE})?)[\s,]{{1,200}}+(?>(?:{_QUOTE})?)value(?>(?:{_QUOTE})?)\s{{0,50}}+[=:]\s{{0,50}}+(?>(?:\\*+[\"'])?)"
            r"(?P<value>(?:(?<=[\"'])[^\"'\n\\]++)|[^\s,;&\"'`})\]]++)"
        ),
    ),
    # define("NAME", "value")
    _Form(
        "(",
        regex(
            rf"\(\s{{0,50}}+{_QUOTE}(?P<name>[A-Za-z_][\w.-]{{0,200}}+){_QUOTE}\s{{0,50}}+,\s{{0,50}}+{_QUOTE}"
            r"(?P<value>[^\"'`\n\\]++)"
        ),
    ),
    # <name>value</name>
    _Form(
        "</",
        regex(
            r"<(?>(?:[\w-]++:)?)(?P<name>[A-Za-z_][\w.-]{0,200}+)(?>(?:\s[^<>\n]{0,200}+)?)>\s*+(?P<value>[^<\s][^<]*+)</"
        ),
    ),
    # a directive: one name and one value on the line
    _Form(
        " ",
        regex(
            r"^[ \t]*+(?>(?:(?:setenv|SetEnv|ENV|env|export|set(?>(?:[ \t]++-\w++)?))[ \t]++)?)"
            r"(?P<name>[a-z_][\w.-]{0,60}+|[A-Z_0-9]{3,60}+)[ \t]++"
            r"(?P<value>\"[^\"\n]++\"|'[^'\n]++'|[^\s\"'=:{};][^\s{;]*+(?>(?:;[^\s{;]++)*))"
            r"[ \t]*+;?+[ \t]*+(?>(?:\#[^\n]*+)?)$",
            re.MULTILINE,
        ),
    ),
)


def _with_value(text: str, small: str, forms: Iterable[_Form]) -> Iterator[Credential]:
    """What stands behind a secret name in one of ``forms``."""
    for form in _possible(forms, small):
        for match in form.matches(text, small):
            if secret_name(match["name"]) and holds_secret(match["name"], _bare(match["value"])):
                yield Credential(*match.span("value"), form.kind)


_PROGRAM: Final = regex(
    r"\b(?:(?P<glued>mysql\w*+|mariadb[\w-]*+|mycli|7z[ar]?)|(?P<spaced>sshpass|mongo\w*+|htpasswd|skopeo|cqlsh|influx"
    r"|rabbitmqadmin)|(?P<login>docker|podman|nerdctl|helm|buildah|crane|oras|az|oc)|(?P<redis>(?:redis|valkey|keydb)-\w++)"
    r"|(?P<ldap>ldap\w++)|(?P<capital>zip|unzip|mosquitto_\w++|sqlcmd|bcp))\b(?P<line>[^\n|;&]{0,300}+)"
)
"""Programs that take a password in an option of one letter, by the way in which they take it, and what follows."""
_PASSWORD_OPTION: Final = {
    "glued": regex(r"[ \t\"']-p(?P<value>[^\s\"']++)"),
    "spaced": regex(r"[ \t\"']-p[ \t]*+(?P<value>\S++)"),
    "login": regex(r"[ \t]-p[ \t]*+(?P<value>\S++)"),
    "redis": regex(r"[ \t]-a[ \t]*+(?P<value>\S++)"),
    "ldap": regex(r"[ \t]-w[ \t]*+(?P<value>\S++)"),
    "capital": regex(r"[ \t]-P[ \t]*+(?P<value>\S++)"),
}
_USER_OPTIONS: Final = (
    # -u user:password; behind the colon a number is a group
    _Form(
        "-",
        regex(
            r"-(?<![^\s\"']-)(?:[uU]|-user|-proxy-user)(?:[ \t]*+|=)[\"']?+[^\s:%\"'/=-][^\s:%\"'/=]*+"
            r"[:%](?!\d{1,6}(?:\s|\Z))(?P<value>[^\s\"']++)"
        ),
    ),
    # -pPassw0rd of any program
    _Form(
        "-p",
        regex(
            r"-p(?<![^\s\"']-p)(?!rof|ort|ath|arallel|rovider|lugin|refix|retty|ublish|roto)"
            r"(?=[^\s=\d]*+\d)(?=[^\s=A-Za-z]*+[A-Za-z])(?P<value>[^\s=:/,\"']{5,}+)"
        ),
    ),
)


def _arguments(text: str, small: str) -> Iterator[Credential]:
    """Passwords in options of one letter, which mean another thing to every program."""
    if any(option in small for option in (" -p", " -a", " -w", '"-p', "'-p", "\t-p", "\t-a", "\t-w")):
        for match in _PROGRAM.finditer(text):
            program, line = next(name for name in _PASSWORD_OPTION if match[name] is not None), match["line"]
            if program == "login" and " login" not in line.replace("\t", " "):
                continue
            for option in _PASSWORD_OPTION[program].finditer(line):
                if not harmless(_bare(option["value"])):
                    start, end = option.span("value")
                    yield Credential(match.start("line") + start, match.start("line") + end, "password")
    for form in _possible(_USER_OPTIONS, small):
        for match in form.matches(text, small):
            if not harmless(_bare(match["value"])):
                yield Credential(*match.span("value"), "password")


def secret_arguments(argv: list[str]) -> set[int]:
    """Which of the words of one command are secrets: by the option before them, by the program that takes them, or as
    parts of a token that was split at its white space, as a private key is.
    """
    line = " ".join(argv)
    small = _in_small_letters(line)
    spans = [*tokens(line), *_arguments(line, small), *_with_value(line, small, (_OPTION,))]
    starts = accumulate((len(argument) + 1 for argument in argv), initial=0)
    return {
        index
        for index, (start, argument) in enumerate(zip(starts, argv, strict=False))
        if any(span.start < start + len(argument) and start < span.end for span in spans)
    }


def _is_random(value: str) -> bool:
    """Whether it has a digit or mixed letters, as tokens have and single words have not."""
    return "=" in value or any(map(str.isdigit, value)) or not (value.islower() or value.isupper() or value.istitle())


_USERINFO: Final = regex(
    # up to the @ before the path; a password may hold / where no // follows
    r"://(?P<user>[^\s/:@\"'<>]{0,200}+)(?>(?::(?!\d{1,5}[/?\#])"
    r"(?P<password>(?:[^\s/?\#\"'<>@]++@)*?[^\s/?\#\"'<>@]++(?=@(?:[^\s/?\#\"'<>@]*+(?:[/?\#\s\"'<>]|\Z)))|[^\s@\"'<>/]*+(?>(?:/(?!/)[^\s@\"'<>/]*+)*)))?)@"
)
_PUBLIC_USERS: Final = frozenset({"git", "user", "anonymous", "oauth2"})
_SHAPES: Final = (
    _Form("bearer", regex(r"bearer\s{1,20}+(?P<value>(?!auth|realm|token)[\w.~+/-]{8,}+=*+)"), "token", small=True),
    _Form("basic", regex(r"basic\s{1,20}+(?P<value>[\w+/-]{8,}+=*+)"), "token", small=True, accepts=_is_random),
    _Form("token", regex(r"token\s{1,20}+(?P<value>[\w.~+/-]{16,}+=*+)"), "token", small=True, accepts=_is_random),
    # crypt(5)
    _Form("$", regex(r"\$(?:2[abxy]|apr1|1|5|6|y|argon2\w*+|pbkdf2[\w-]*+)\$(?P<value>[\w./,=+$-]{10,}+)")),
    # a signed URL
    _Form("sig", regex(r"[?&](?:sig|signature|x-amz-signature|x-goog-signature)=(?P<value>[^\s&\"']++)"), small=True),
    # a registry's credentials
    _Form("auths", regex(r"\\?+[\"'](?P<value>auths\\?+[\"']\s{0,50}+:\s{0,50}+\{)"), small=True),
    # Go's data source name: user:password@tcp(host:port)/database, and an image with a password
    _Form(
        "@",
        regex(
            r"(?<![^\s\"'=({,;])[\w.+-]{1,64}+:(?P<value>[^\s/@:\"'<>]{2,200}+)@"
            r"(?:(?:tcp6?|udp|unix)\(|[A-Za-z0-9.-]{1,253}+(?>(?::\d{1,5}+)?)/)"
        ),
        "password",
    ),
    # netrc, HAProxy, SQL, pgpass
    _Form(
        "pass",
        regex(
            r"\b(?:login|user|username|account)[ \t]++\S++[ \t]++(?:insecure-)?pass(?>(?:word|wd)?)[ \t]++(?P<value>\S++)"
        ),
        small=True,
    ),
    _Form("auth", regex(r"\bauth[ \t]++[^\s:]++:(?P<value>[^\s\"'/]++)$", re.MULTILINE), small=True),
    _Form(
        " ",
        regex(
            r"\b(?:password|identified[ \t]++(?>(?:with[ \t]++\S++[ \t]++)?)(?:by|as))[ \t]++"
            r"(?P<value>'[^'\n]++'|\"[^\"\n]++\")"
        ),
        small=True,
    ),
    _Form(":", regex(r"^[^:\s]++:(?:\d++|\*):[^:\s]++:[^:\s]++:(?P<value>[^:\s]++)$", re.MULTILINE), "password"),
)
_REDIS_USER: Final = regex(r"^[ \t]*+user[ \t][^\n]*+", re.MULTILINE)
_REDIS_PASSWORD: Final = regex(r"[ \t]>(?P<value>\S++)")


def _shaped(text: str, small: str) -> Iterator[Credential]:
    """What its own shape gives away."""
    for form in _possible(_SHAPES, small):
        for match in form.matches(text, small):
            start, end = match.span("value")
            if form.accepts(text[start:end]) and not harmless(_bare(text[start:end])):
                yield Credential(start, end, form.kind)
    if "@" in text:
        yield from userinfo(text)
    if " >" in text and "user" in small:
        for line in _REDIS_USER.finditer(small):
            for match in _REDIS_PASSWORD.finditer(text, line.start(), line.end()):
                yield Credential(*match.span("value"), "password")


def userinfo(text: str) -> Iterator[Credential]:
    """Passwords in URLs, and tokens in the place of the user of an HTTP or FTP URL."""
    for match in _USERINFO.finditer(text):
        password = match["password"]
        if password is not None:
            if password and not harmless(password):
                yield Credential(*match.span("password"), "password")
        elif text[max(match.start() - 5, 0) : match.start()].lower().endswith(("http", "https", "ftp", "ftps")):
            user = match["user"]
            if user and user[0] not in "${" and user.lower() not in _PUBLIC_USERS:
                yield Credential(*match.span("user"), "token")
