"""What was not looked at is said, and judged by what it is; what can be read as text is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.guardrails.contents import LINK, SUBMODULE, Nature, nature, read
from bot.guardrails.exempt import Exemptions
from bot.guardrails.judge import judge
from bot.guardrails.narrowing import narrowed
from bot.guardrails.rule import ChangeFacts, GuardOptions
from bot.guardrails.structure import differing_documents
from bot.model.finding import FileChange, FileStatus, Finding, Mode
from bot.model.severity import Severity
from tests.guardrails.changes import book, change, file, fire
from tests.guardrails.test_judge import TODAY
from tests.table import table

KEY = "AKIA" + "Q3EGR7MZ2KX5VWNB"
SCRIPT = f"#!/bin/sh\nexport K={KEY}\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 20


def added(path: str, data: bytes, mode: int = 0o100644) -> FileChange:
    """A new file of these bytes."""
    return FileChange(path, FileStatus.ADDED, None, data, mode=mode)


def findings(*files: FileChange, options: GuardOptions | None = None) -> tuple[Finding, ...]:
    """All of them, in strict."""
    return judge(change(*files), book(options=options), Mode.STRICT, today=TODAY).findings


@table(
    ("path", "data"),
    [
        ("run.sh", SCRIPT.replace("sh\n", "sh\n#\0\n", 1).encode()),
        ("run", b"#!/bin/sh\n#\0\n" + SCRIPT.encode()),
        ("run.ps1", SCRIPT.encode("utf-16")),
        ("run.cmd", SCRIPT.encode("utf-16-le")),
        ("run.cmd", SCRIPT.encode("utf-16-be")),
        ("conf.txt", SCRIPT.encode("utf-32")),
        ("conf.ini", b"\xef\xbb\xbf" + SCRIPT.encode()),
        ("conf.ini", "key = 'Grüße'\n".encode("latin-1") + SCRIPT.encode()),
        ("polyglot.py", b"GIF89a\0=1\n" + SCRIPT.encode()),
        ("notes", SCRIPT.encode() * 30 + b"\0"),
    ],
)
def test_what_some_program_reads_as_text_is_read(path: str, data: bytes) -> None:
    """A NUL, another encoding or a picture's first bytes hide no credential."""
    assert [finding.rule for finding in findings(added(path, data)) if finding.rule == "SEC-001"]


@table(
    "start",
    [
        PNG,
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"PK\x03\x04\x14\0",
        b"\x1f\x8b\x08\0",
        b"wOF2\0\1\0\0",
        b"%PDF-1.7\n\0",
        b"\0\0\0\x18ftypmp42",
        b"\0\1\0\0\0\x12\1\0",
        b"SQLite format 3\0",
        b"\0" * 257 + b"ustar\0",
    ],
)
def test_pictures_fonts_and_archives_are_nothing_to_tell(start: bytes) -> None:
    """By magic number, at any size, as far as they are known to a repository at all."""
    assert findings(added("docs/a", start + b"\0" * 3_000_000)) == ()
    large = FileChange("docs/a", FileStatus.ADDED, None, None, omitted="too large (50,000,000 bytes)", sample=start)
    assert findings(large) == ()


@pytest.mark.parametrize(
    "start",
    [b"\x7fELF\2\1\1\0", b"MZ" + b"\0" * 60, b"\xcf\xfa\xed\xfe\x07\0", b"\0asm\1\0\0\0", b"\xca\xfe\xba\xbe\0\0"],
)
def test_programs_that_nobody_can_read_are_told(start: bytes) -> None:
    """They run, so strict does not let them pass unseen; taking one away is fine."""
    program = added("bin/tool", start + b"\0\1\2" * 1000, 0o100755)
    (finding,) = findings(program)
    assert (finding.rule, finding.severity) == ("SYS-001", Severity.CRITICAL)
    assert findings(replace(program, status=FileStatus.REMOVED, before=program.after, after=None)) == ()


ELF = b"\x7fELF\2\1\1\0" + bytes(99)
JAR = b"PK\x03\x04" + bytes(26) + b"META-INF/MANIFEST.MF" + bytes(99)


@table(
    ("path", "before", "after", "severity"),
    [
        ("lib/a.jar", None, JAR, Severity.HIGH),
        ("lib/a", None, JAR, Severity.HIGH),
        ("gradle/wrapper/gradle-wrapper.jar", JAR, JAR + b"\0", Severity.HIGH),
        ("wheels/a-1-py3-none-any.whl", None, b"PK\x03\x04" + bytes(26) + b"a/__init__.py" + bytes(99), Severity.HIGH),
        ("a/docs.docx", None, b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(99), None),
        ("a.dex", None, b"dex\n035\0" + bytes(99), Severity.CRITICAL),
        ("a.deb", None, b"!<arch>\ndebian-binary   " + bytes(99), Severity.CRITICAL),
        ("bin/tool", ELF, ELF + b"\0", Severity.HIGH),
        ("bin/tool", b"#!/bin/sh\n", ELF, Severity.CRITICAL),
        ("bin/tool", b"\x89PNG\r\n\0", ELF, Severity.CRITICAL),
        ("vendor/a/lib.so", ELF, ELF + b"\0", Severity.LOW),
        ("vendor/a/lib.so", None, ELF, Severity.CRITICAL),
        ("locale/de/a.mo", None, b"\xde\x12\x04\x95" + bytes(99), None),
    ],
)
def test_a_program_is_told_by_where_it_stands(
    path: str, before: bytes | None, after: bytes, severity: Severity | None
) -> None:
    """A new one stops strict; a package, one in place of another, and what others' files held before do not."""
    status = FileStatus.ADDED if before is None else FileStatus.MODIFIED
    told = findings(FileChange(path, status, before, after))
    assert [finding.severity for finding in told] == ([] if severity is None else [severity])


def test_a_program_that_is_moved_is_no_new_one() -> None:
    """Nothing of it changed, unless it may be run from now on."""
    moved = FileChange("b", FileStatus.RENAMED, ELF, ELF, "a")
    assert findings(moved) == ()
    assert findings(replace(moved, mode=0o100755, old_mode=0o100644))


def test_other_data_is_a_remark() -> None:
    """It may be anything, so it is said, and nobody is stopped."""
    (finding,) = findings(added("data/model.bin", bytes(range(256)) * 100))
    assert (finding.rule, finding.severity) == ("SYS-001", Severity.LOW)


@pytest.mark.parametrize("path", ["docs/a.png", "site/font.WOFF2", "media/clip.mp4"])
def test_what_is_only_shown_is_nothing_to_tell_by_its_name(path: str) -> None:
    """A broken picture is one all the same, unless it is a program by its first bytes."""
    data = bytes(range(256)) * 8192
    assert findings(added(path, data)) == ()
    (finding,) = findings(added(path, b"\x7fELF\2\1\1\0" + data))
    assert finding.severity is Severity.CRITICAL


def test_how_much_is_read_is_a_setting() -> None:
    """Beyond it a file was not looked at, unless a tool writes it."""
    text = b"a: 1\n" * 1000
    options = GuardOptions(largest_file=4000)
    assert findings(added("a.yaml", text)) == ()
    (finding,) = findings(added("a.yaml", text), options=options)
    assert (finding.rule, finding.severity, "4,000" in finding.message) == ("SYS-001", Severity.CRITICAL, True)
    (remark,) = findings(added("a.yaml", text), options=replace(options, generated=("*.yaml",)))
    assert remark.severity is Severity.LOW


def test_submodules_and_links_hide_nothing() -> None:
    """A bump of a submodule has no content here; a link's content is where it leads to, whatever its name."""
    bump = FileChange("lib", FileStatus.MODIFIED, None, None, omitted="submodule", mode=SUBMODULE)
    assert findings(bump, added("b/s.json", b"../a/s.json", LINK)) == ()


@table(
    ("path", "target", "leads_out"),
    [
        ("b/s.json", "../a/s.json", False),
        ("a", "b/../c", False),
        ("a/b/c", "../../d", False),
        ("a/b", "../../d", True),
        ("a", "..", True),
        ("a", "/etc/passwd", True),
        ("a/hooks", "../.git/hooks", True),
        ("a", ".github/x", False),
    ],
)
def test_links_that_lead_out_are_found(path: str, target: str, leads_out: bool) -> None:
    """Of the repository, or into Git's own folder."""
    assert bool(fire("INT-008", added(path, target.encode(), LINK))) == leads_out


MODULE = '[submodule "lib"]\n\tpath = lib\n\turl = %s\n'


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        ("https://a.example/lib", "https://evil.example/lib", [None]),
        ("https://a.example/lib", "https://a.example/lib", []),
        (None, "https://a.example/lib", [Severity.LOW]),
        (None, "ext::sh -c id", [None]),
        (None, "-uid", [None]),
        ("https://a.example/lib", None, []),
    ],
)
def test_submodules_from_elsewhere_are_found(
    before: str | None, after: str | None, severity: list[Severity | None]
) -> None:
    """Another address is a finding, a new one a remark, a command never passes."""
    sides = [None if url is None else MODULE % url for url in (before, after)]
    assert [hit.severity for hit in fire("INT-008", file(".gitmodules", *sides))] == severity


@pytest.mark.parametrize(
    ("after", "severity"),
    [
        ('[submodule "other"]\n\tpath = lib\n\turl = https://evil.example/lib\n', [None]),
        ('[submodule "other"]\n\turl = https://evil.example/lib\n\tpath = lib/\n', [None]),
        ('[submodule "other"]\n\tpath = lib\n\turl = https://a.example/lib\n', []),
        ('[submodule "other"]\n\tpath = other\n\turl = https://a.example/other\n', [Severity.LOW]),
        ('[submodule "lib"]\n\tpath = lib\n\turl = https://a.example/lib\n\tupdate = !sh\n', [None]),
    ],
)
def test_a_submodule_is_the_same_by_its_path(after: str, severity: list[Severity | None]) -> None:
    """A section that is named anew is no new submodule."""
    change = file(".gitmodules", MODULE % "https://a.example/lib", after)
    assert [hit.severity for hit in fire("INT-008", change)] == severity


@pytest.mark.parametrize("mode", [0o100644, 0o100755])
def test_reading_tells_why_there_is_no_text(mode: int) -> None:
    """And what the bytes are."""
    assert read(b"a\n", "a", mode).text == "a\n"
    assert read("\ufeffa\n".encode(), "a", mode).text == "a\n"
    assert read(PNG, "a.png", 0o100644).nature is Nature.HARMLESS
    assert (read(b"x", "a", LINK).text, read(b"x", "a", LINK).reason) == (None, "a symbolic link")
    assert nature(b"", "a", mode) is Nature.UNKNOWN
    assert nature(b"", "a.png", mode) is (Nature.UNKNOWN if mode == 0o100755 else Nature.HARMLESS)


def covered(path: str, before: str | None, **base: object) -> bool:
    """Whether a file is exempt by such a base."""
    return Exemptions(**base).covers(path, None if before is None else before.splitlines())  # type: ignore[arg-type]


def test_a_change_cannot_exempt_itself() -> None:
    """A marker in the head, or a telling name of a new file, says nothing; what stood there before does."""
    old, new = "import requests\nrequests.get(u)\n", "# @generated\nimport requests\nrequests.get(u, verify=False)\n"
    assert fire("SEC-004", file("app/a.py", old, new))
    assert fire("SEC-004", file("app/a.py", "# @generated\n" + old, new)) == []
    assert fire("SEC-004", file("app/a_pb2.py", None, new))
    assert fire("SEC-004", file("vendor/a/a.py", None, new))
    moved = file("vendor/a.py", old, new, old_path="app/a.py")
    assert fire("SEC-004", moved), "a rename into a vendored folder"


@table(
    ("path", "before", "base", "exempt"),
    [
        ("vendor/b/new.go", None, {"paths": frozenset({"vendor/a/old.go"})}, True),
        ("x/vendor/b/new.go", None, {"paths": frozenset({"vendor/a/old.go"})}, False),
        ("api/b_pb2.py", None, {"paths": frozenset({"api/a_pb2.py"})}, True),
        ("api/b_pb2.py", None, {"paths": frozenset({"other/a_pb2.py"})}, False),
        ("api/b_pb2.py", "x\n", {}, True),
        ("gen/a.py", None, {"attributes": {".gitattributes": "gen/** linguist-generated\n"}}, True),
        ("gen/a.py", None, {"attributes": {".gitattributes": "*.py linguist-generated=true\n"}}, True),
        ("gen/a.py", None, {"attributes": {"gen/.gitattributes": "a.py linguist-vendored\n"}}, True),
        ("a.py", None, {"attributes": {"gen/.gitattributes": "a.py linguist-vendored\n"}}, False),
        ("vendor/a.go", "x\n", {"attributes": {".gitattributes": "vendor/** -linguist-vendored\n"}}, False),
        ("vendor/a.go", "x\n", {"attributes": {".gitattributes": "* text=auto\n# a linguist-generated\n"}}, True),
        ("gen/a.py", None, {"generated": ("gen/**",)}, True),
        ("poetry.lock", None, {}, True),
        ("app/a.py", "# Code generated by x. DO NOT EDIT.\n", {}, True),
        ("app/a.py", "x\n", {}, False),
    ],
)
def test_the_base_says_what_is_exempt(path: str, before: str | None, base: Mapping[str, object], exempt: bool) -> None:
    """By its attributes, its files and the file itself."""
    assert covered(path, before, **base) == exempt


def test_facts_of_the_base_reach_the_detectors() -> None:
    """Its attributes, and the folders that it has."""
    new = file("vendor/b/a.py", None, "requests.get(u, verify=False)\n")
    assert fire("SEC-004", new, facts=ChangeFacts(paths=frozenset({"vendor/a/x.py"}))) == []
    assert fire("SEC-004", new, facts=ChangeFacts(attributes={".gitattributes": "vendor/** linguist-vendored"})) == []


def test_long_lines_are_searched_to_their_end() -> None:
    """What is found does not depend on where in a line it stands."""
    for place in (10, 1_790, 1_990, 2_010, 40_000):
        assert fire("SEC-004", file("a.py", None, f"x = '{'y' * place}'; requests.get(u, verify=False)\n")), place


PNG_SCRIPT = b"\x89PNG\r\n\x1a\n\0\n" + SCRIPT.encode()


@pytest.mark.parametrize(
    ("path", "data", "mode"),
    [
        ("tool", PNG_SCRIPT, 0o100755),
        ("run.sh", b"\xff\xfe" + SCRIPT.encode() + b"\0", 0o100644),
        ("run.sh", SCRIPT.replace("AKIA", "AK\0IA").encode(), 0o100644),
        ("run.ps1", SCRIPT.encode("utf-32-le"), 0o100644),
        ("run.ps1", ("# " + "日本" * 60 + "\n" + SCRIPT).encode("utf-16-le"), 0o100644),
    ],
)
def test_what_a_shell_runs_all_the_same_is_read(path: str, data: bytes, mode: int) -> None:
    """It stumbles over a picture's first bytes or a mark of UTF-16, and skips every NUL."""
    assert "SEC-001" in [finding.rule for finding in findings(added(path, data, mode))]


def test_a_picture_that_may_be_run_by_mistake_is_a_picture() -> None:
    """Some file systems make every file executable."""
    assert findings(added("a.png", PNG, 0o100755)) == ()


def test_of_a_long_manifest_what_differs_is_looked_at() -> None:
    """What is the same before and after cannot have gained anything; lines are those of the file."""
    text = "kind: ConfigMap\ndata:\n" + "  a: b\n" * 40_000
    added_pod = f"{text}---\n{POD}"
    assert differing_documents(text, added_pod) == ("\n" * 40_002, "\n" * 40_002 + f"---\n{POD}")
    (hit,) = fire("K8S-001", file("crds.yaml", text, added_pod))
    assert hit.line == added_pod[: added_pod.index("hostPID")].count("\n") + 1
    assert differing_documents(POD, f"{POD}---\n{POD}") == (POD, f"{POD}---\n{POD}")


def test_a_file_that_is_filled_up_hides_nothing() -> None:
    """A long manifest that the base has warns; one that became too long to be judged blocks, whatever is in it."""
    short = "kind: ConfigMap\nmetadata: {name: a}\n"
    (long, longer) = (f"kind: ConfigMap\nx: [{'1,' * size}]\n" for size in (300_100, 300_200))
    hidden = '{kind: Pod, spec: {"host\\u0050ID": true}}\n---\n' + long
    for before, after, severity in ((None, hidden, "CRITICAL"), (short, hidden, "CRITICAL"), (long, longer, "HIGH")):
        (told,) = findings(file("k8s/a.yaml", before, after))
        assert (told.rule, told.severity.value) == ("SYS-002", severity)


def _listed(style: str, added: str = "") -> str:
    """A long list of objects in one document, with something more in the 1,501st."""
    if style == "minified":
        return "".join(_listed("json", added).split())
    head, item, end = {
        "block": ("kind: List\nitems:\n", "- kind: Pod\n  metadata: {{name: a{0}}}\n  spec:\n    hostNetwork: true\n{1}", ""),
        "indented": (
            "apiVersion: v1\nkind: List\nitems:\n\n",
            "  # {0}\n  -\n    kind: Pod\n    metadata: {{name: a{0}}}\n    spec:\n      hostNetwork: true\n{1}",
            "metadata: {}\n",
        ),
        "json": (
            '{\n  "kind": "List",\n  "items": [\n',
            ('    {{\n      "kind": "Pod",\n      "metadata": {{\n        "name": "a{0}"\n      }},\n'
            '      "spec": {{\n        "hostNetwork": true,\n{1}        "x": 1\n      }}\n    }},\n'),
            '    {\n      "kind": "A"\n    }\n  ]\n}\n',
        ),
    }[style]  # fmt: skip
    items = [item.format(number, added if number == 1_500 else "") for number in range(4_000)]
    return head + "".join(items) + end


@pytest.mark.parametrize(
    ("style", "added", "fires"),
    [
        ("block", "    hostPID: true\n", True),
        ("block", "    dnsPolicy: Default\n", False),
        ("block", "- kind: Pod\n  metadata: {name: b}\n  spec: {hostPID: true}\n", True),
        ("indented", "      hostPID: true\n", True),
        ("json", '        "hostPID": true,\n', True),
        ("json", '        "hostIP": true,\n', False),
        ("minified", '        "hostPID": true,\n', True),
        ("minified", '        "hostIP": true,\n', False),
    ],
)
def test_what_a_change_adds_to_a_long_list_is_looked_at(style: str, added: str, *, fires: bool) -> None:
    """Only the entries around it are parsed, so that how long the rest is does not matter; what they held before is quiet."""
    path = "k8s/a.json" if style in {"json", "minified"} else "k8s/a.yaml"
    told = findings(file(path, _listed(style), _listed(style, added)))
    assert [finding.rule for finding in told] == ["K8S-001"] * fires
    line = _listed(style, added)[: _listed(style, added).index("hostPID")].count("\n") + 1 if fires else None
    assert [finding.line for finding in told] == [line] * fires


def test_brackets_that_close_one_entry_again_and_again_cost_what_they_are() -> None:
    """Half a million of them: what a stranger writes takes linear time (the square of it is minutes, past pytest's limit)."""
    lines = ["a:", *["}"] * 500_000]
    before, after = narrowed(lines, [*lines, "b: 1"], [(0, 0, len(lines))])
    assert before.count("}") == after.count("}") == len(lines) - 1


def test_json_that_is_too_long_is_judged_by_what_a_change_touches() -> None:
    """Also where a line holds thousands of values; braces in strings are no brackets, and lines stay those of the file."""
    row = f'{{"kind":"ConfigMap","data":["}},{{[\\"",{"1," * 190}2]}}'
    rows = [row] * 800
    pod = '{"kind":"Pod","metadata":{"name":"a"},"spec":{"hostIPC":true,"tolerations":[]%s}}'
    for ends in ("", "\n" * 3):
        (before, after) = (
            f'{{"kind":"List",{ends}"items":[{",".join([*rows, pod % extra, *rows])}]}}'
            for extra in ("", ',"hostPID":true')
        )
        (told,) = findings(file("k8s/a.json", before, after))
        assert (told.rule, told.line) == ("K8S-001", 1 + len(ends))


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: true}\n"
OPENED = 'resource "aws_db_instance" "a" {\n  publicly_accessible = true\n}\n'


@pytest.mark.parametrize(
    ("rule", "path", "text", "beside", "fires"),
    [
        ("K8S-001", "test/a.yaml", POD, "prod/a.yaml", True),
        ("K8S-001", "apps/shop/test/a.yaml", POD, "apps/shop/production/b.yaml", True),
        ("K8S-001", "tests/data/a.yaml", POD, "src/prod/a.py", False),
        ("TF-001", "environments/test/main.tf", OPENED, "main.tf", True),
        ("TF-001", "test/main.tf", OPENED, "live/main.tf", True),
        ("TF-001", "modules/a/tests/main.tf", OPENED, "modules/a/main.tf", False),
    ],
)
def test_an_environment_that_is_called_test_is_deployed(
    rule: str, path: str, text: str, beside: str, fires: bool
) -> None:
    """Other environments beside it tell, or the folder that it is in."""
    assert bool(fire(rule, file(path, None, text), facts=ChangeFacts(paths=frozenset({beside})))) is fires


def test_a_secret_of_an_environment_called_test_is_one() -> None:
    """Code in a folder of that name is a test of the application."""
    assert fire("SEC-002", file("overlays/test/a.yaml", None, "password: 9f8KkL2xQ7pZ1m\n"))
    assert fire("SEC-002", file("apps/tests/a.py", None, "password = '9f8KkL2xQ7pZ1m'\n")) == []


@pytest.mark.parametrize("path", ["tests/a.py", "docs/a.py", "examples/a.py"])
def test_what_is_moved_among_tests_is_judged_as_what_it_was(path: str) -> None:
    """The base decides: a move with a change in it exempts nothing."""
    before, after = "get(u)\n", "requests.get(u, verify=False)\n"
    assert fire("SEC-004", file(path, before, after, old_path="app/a.py"))
    assert fire("SEC-004", file(path, before, after, old_path=path.replace("a.py", "b.py"))) == []
