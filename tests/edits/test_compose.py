"""Edits of Compose projects: into the file that a value comes from, or the variable that gives it."""

from __future__ import annotations

import pytest

from bot.edits.adopt import adopt
from bot.errors import Refused
from bot.intake.read import read
from bot.model.drift import AddEntry as A
from bot.model.drift import Adoption, Edit
from bot.model.drift import RemoveEntry as R
from bot.model.drift import SetValue as S
from bot.model.json import JSON
from bot.model.resource import Desired, Platform, ResourceId, SourceKind
from tests.table import table


def adopted(files: dict[str, str], *edits: Edit, resource: str = "service/shop/web") -> Adoption:
    data = {path: text.encode() for path, text in files.items()}
    resources = {str(declared.id): declared for declared in read(data, project="shop").resources}
    return adopt(resources[resource], edits, data)


def texts(adoption: Adoption) -> dict[str, str]:
    return {path: data.decode() for path, data in adoption.files.items()}


@table(
    ("files", "edit", "after"),
    [
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx\n"},
            S(("image",), "nginx:2$"),
            ({"compose.yaml": "services:\n  web:\n    image: nginx:2$$\n"}, ()),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx:${TAG}\n", ".env": "TAG=1\n"},
            S(("image",), "nginx:2"),
            ({".env": "TAG=2\n"}, ()),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx:${TAG}\n", ".env": "TAG='1' # one\n"},
            S(("image",), "nginx:2"),
            ({".env": "TAG='2' # one\n"}, ()),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx:${TAG}\n", ".env": 'export TAG="1"\r\n'},
            S(("image",), "nginx:2"),
            ({".env": 'export TAG="2"\r\n'}, ()),
        ),
        (
            {
                "compose.yaml": 'services:\n  web:\n    image: nginx:${TAG}\n    labels: {t: "${TAG}"}\n',
                ".env": "TAG=1\n",
            },
            S(("image",), "nginx:2"),
            (
                {"compose.yaml": 'services:\n  web:\n    image: nginx:2\n    labels: {t: "${TAG}"}\n'},
                ("compose.yaml: TAG is used 2 times, so this use was replaced by its new value",),
            ),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx:${TAG:-1}\n"},
            S(("image",), "nginx:2"),
            ({"compose.yaml": "services:\n  web:\n    image: nginx:${TAG:-2}\n"}, ()),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx:${TAG:-1}-a\n"},
            S(("image",), "nginx:2-b"),
            (
                {"compose.yaml": "services:\n  web:\n    image: nginx:2-b\n"},
                ("compose.yaml: the expression 'nginx:${TAG:-1}-a' was replaced by its new value",),
            ),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx\n    scale: ${N:-2}\n"},
            S(("scale",), 3),
            ({"compose.yaml": "services:\n  web:\n    image: nginx\n    scale: ${N:-3}\n"}, ()),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: ${A:-x}:${B:-y}\n"},
            S(("image",), "x:z"),
            (
                {"compose.yaml": "services:\n  web:\n    image: x:z\n"},
                ("compose.yaml: the expression '${A:-x}:${B:-y}' was replaced by its new value",),
            ),
        ),
        (
            {
                "compose.yaml": "services:\n  web:\n    image: nginx\n    env_file: web.env\n",
                "web.env": "A=1\nB=2 # two\n",
            },
            S(("environment", "B"), "3"),
            (
                {"web.env": "A=1\nB=3 # two\n"},
                ("web.env is an env_file: every service that reads it gets the new value",),
            ),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx\n    env_file: web.env\n", "web.env": "A=1\n"},
            S(("environment", "A"), "a b"),
            ({"web.env": "A='a b'\n"}, ("web.env is an env_file: every service that reads it gets the new value",)),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx\n    environment: [A=1]\n"},
            A(("environment",), None, "B=$x"),
            ({"compose.yaml": "services:\n  web:\n    image: nginx\n    environment: [A=1, B=$$x]\n"}, ()),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx\n"},
            A(("healthcheck",), "retries", 3),
            ({"compose.yaml": "services:\n  web:\n    image: nginx\n    healthcheck:\n      retries: 3\n"}, ()),
        ),
        (
            {"compose.yaml": "services:\n  web:\n    image: nginx\n    healthcheck: {retries: 3}\n"},
            R(("healthcheck", "retries")),
            ({"compose.yaml": "services:\n  web:\n    image: nginx\n    healthcheck: {}\n"}, ()),
        ),
        (
            {
                "compose.yaml": "services:\n  web:\n    image: nginx\n",
                "compose.override.yaml": "services:\n  web:\n    restart: always\n",
            },
            S(("restart",), "no"),
            ({"compose.override.yaml": 'services:\n  web:\n    restart: "no"\n'}, ()),
        ),
    ],
)
def test_compose_is_changed_where_its_value_comes_from(
    files: dict[str, str], edit: Edit, after: tuple[dict[str, str], tuple[str, ...]]
) -> None:
    """The file, the variable or its default, the env_file; and what else that means is noted."""
    adoption = adopted(files, edit)
    assert (texts(adoption), adoption.notes) == after


def test_a_service_that_others_extend_is_not_changed_behind_their_back() -> None:
    """The value would change for both."""
    with pytest.raises(Refused, match="cannot be changed without changing something else"):
        adopted(
            {"compose.yaml": "services:\n  base:\n    image: a\n    restart: always\n  web:\n    extends: base\n"},
            S(("restart",), "no"),
        )


WEB = "services:\n  web:\n    image: nginx\n"
ENV = WEB + "    env_file: web.env\n"
NOTED = ("web.env is an env_file: every service that reads it gets the new value",)


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("A=1", "2", "A=2"),
        ("A=1 # one", "2", "A=2 # one"),
        ("A=1\t# one", "2", "A=2"),
        ("A = 1 ", "2", "A = 2 "),
        ("  export A=1", "2", "  export A=2"),
        ("A=", "2", "A=2"),
        ("A=1", "", "A="),
        ("A='1'", "2", "A='2'"),
        ('A="1"', "2", 'A="2"'),
        ("A='a #b' # one", "2", "A='2' # one"),
        ('A="a #b"', "2", 'A="2"'),
        ("A=x#y", "2", "A=2"),
        ('A="1"', "$2", "A='$2'"),
        ('A="1"', 'say "2"', "A='say \"2\"'"),
        ('A="1"', "\\2", "A='\\2'"),
        ('A="1"', "it's", 'A="it\'s"'),
        ("A=1", " 2", "A=' 2'"),
        ("A=1", "\t2", "A='\t2'"),
        ("A=1", "a b", "A='a b'"),
        ("A=1", "#2", "A='#2'"),
        ("A=1", "a#b", "A='a#b'"),
        ("A=1", "$2", "A='$2'"),
        ("A=1", 'a"b', "A='a\"b'"),
        ("A=1", "a\\b", "A='a\\b'"),
        ("A=1", "a=b", "A=a=b"),
        ("A=1", "a,b;c", "A=a,b;c"),
        ("A=1\nB=2", "3", "A=3\nB=2"),
        ("B=2\nA=1\nA=5", "3", "B=2\nA=1\nA=3"),
        ("# A=9\n\nA=1", "3", "# A=9\n\nA=3"),
    ],
)
@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_line_of_an_env_file_gets_another_value(old: str, value: str, new: str, ending: str) -> None:
    """In the quotes that it has where the value allows them; comment, blanks and the end of the line stay."""
    lines = ending or "\n"
    before, after = (text.replace("\n", lines) + ending for text in (old, new))
    adoption = adopted({"compose.yaml": ENV, "web.env": before}, S(("environment", "A"), value))
    assert (texts(adoption), adoption.notes) == ({"web.env": after}, NOTED)
    assert adopted({"compose.yaml": ENV, "web.env": after}, S(("environment", "A"), value)).files == {}


@pytest.mark.parametrize("value", ['it\'s "2"', "a\nb", "$it's", "a\rb'"])
def test_a_value_that_env_files_cannot_hold_is_refused(value: str) -> None:
    """With file and line."""
    with pytest.raises(Refused, match=r"web\.env:2: the value cannot be written in a \.env file"):
        adopted({"compose.yaml": ENV, "web.env": "B=1\nA=1\n"}, S(("environment", "A"), value))


def test_a_list_of_variables_has_those_of_its_env_file_at_its_end() -> None:
    """The element is name and value, the line of the file gets the value; another name is no edit of that line."""
    files = {"compose.yaml": ENV + "    environment: [B=1]\n", "web.env": "A=1=2\n"}
    adoption = adopted(files, S(("environment", 1), "A=3=4"))
    assert (texts(adoption), adoption.notes) == ({"web.env": "A=3=4\n"}, NOTED)
    with pytest.raises(Refused, match=r"compose\.yaml: service/shop/web cannot be changed without changing something"):
        adopted(files, S(("environment", 1), "C=3"))


@pytest.mark.parametrize(
    "edit", [R(("environment", "A")), A(("environment", "A"), "x", 1), S(("environment", "A", 0), 1)]
)
def test_only_the_value_of_an_env_file_can_be_changed(edit: Edit) -> None:
    """Its lines stay: other services may read them."""
    with pytest.raises(Refused, match=r"service/shop/web: environment\.A\S* is not written in a Compose file"):
        adopted({"compose.yaml": ENV, "web.env": "A=1\n"}, edit)


def test_what_comes_by_a_variable_in_an_anchor_is_refused() -> None:
    """The scalar is written elsewhere and shared."""
    files = {
        "compose.yaml": "x-i: &i nginx:${TAG}\nservices:\n  web:\n    image: *i\n",
        ".env": "TAG=1\n",
    }
    with pytest.raises(Refused, match=r"compose\.yaml: the value comes through an anchor and a variable"):
        adopted(files, S(("image",), "nginx:2"))


IMAGE = "services:\n  web:\n    image: %s\n"


@table(
    ("written", "env", "value", "now", "env_now"),
    [
        ("a${T}b", "T=1", "a2b", "a${T}b", "T=2"),
        ("$T", "T=1", "2", "$T", "T=2"),
        ("a$$${T}", "T=1", "a$2", "a$$${T}", "T=2"),
        ("${T:-1}", "", "2", "${T:-2}", None),
        ("${T-1}", "", "2", "${T-2}", None),
        ("${T:-1}", "T=5", "2", "${T:-1}", "T=2"),
        ("${T:-1}", "T=", "2", "${T:-2}", None),
        ("a${T}a", "T=1", "a", "a", None),
        ("ab${T}ba", "T=1", "aba", "aba", None),
        ("a${T}b", "T=1", "c2b", "c2b", None),
        ("a${T}b", "T=1", "a2c", "a2c", None),
        ("a${T}b", "T=1", "ab", "ab", None),
        ("a${T:-1}", "", "a$2", "a$$2", None),
        ("a${T:-1}", "", "a{2", "a{2", None),
        ("a${T:-1}", "", "a}2", "a}2", None),
        ("a${T:-1}", "", "a\n2", "|-\n      a\n      2", None),
        ("${T:-1}${U:-2}", "", "13", '"13"', None),
        ("${T:-1}$T", "T=1", "22", '"22"', None),
    ],
)
def test_the_variable_is_changed_when_that_makes_the_value(
    written: str, env: str, value: str, now: str, env_now: str | None
) -> None:
    """Its default where that counts, else its line in ``.env``; else the expression gives way, and that is noted."""
    adoption = adopted({"compose.yaml": IMAGE % written, ".env": env + "\n"}, S(("image",), value))
    after = {"compose.yaml": IMAGE % now} if now != written else {}
    assert texts(adoption) == (after | ({".env": env_now + "\n"} if env_now else {}))
    replaced = () if "$" in now.replace("$$", "") else (f"the expression {written!r} was replaced by its new value",)
    assert adoption.notes == tuple(f"compose.yaml: {note}" for note in replaced)


@pytest.mark.parametrize(
    ("key", "written", "value", "now"),
    [
        ("privileged", "${P:-false}", True, "${P:-true}"),
        ("privileged", "${P:-true}", False, "${P:-false}"),
        ("scale", "${N:-2}", 3, "${N:-3}"),
        ("command", "${C:-run}", ["run", "it"], "\n      - run\n      - it"),
        ("user", "${U:-me}", None, "null"),
    ],
)
def test_what_is_no_text_goes_through_a_variable_as_text(key: str, written: str, value: JSON, now: str) -> None:
    """A variable makes text of numbers and truth values; lists and null cannot be told by one."""
    line = f"{WEB}    {key}: "
    adoption = adopted({"compose.yaml": f"{line}{written}\n"}, S((key,), value))
    assert texts(adoption)["compose.yaml"].replace(": \n", ":\n") == f"{line}{now}\n".replace(": \n", ":\n")


@pytest.mark.parametrize(
    ("other", "note"),
    [
        ({"other.yml": "a: $T\n"}, "T is used 2 times"),
        ({"x/other.yaml": "a: ${T} ${T:-1}\n"}, "T is used 3 times"),
        ({"other.yaml": "a: \xe9 ${TT} $$T\n"}, None),
        ({"readme.md": "${T}"}, None),
        ({".env": "S=1\n", "a.yaml": "a: 1\n"}, "T is not set in .env"),
    ],
)
def test_a_variable_that_others_use_is_left_alone(other: dict[str, str], note: str | None) -> None:
    """Its uses are counted in all YAML files of the repository, whoever reads them."""
    files = {"compose.yaml": IMAGE % "a:${T}", ".env": "T=1\n", **other}
    if ".env" in other:
        files["compose.yaml"] = "include: [sub/compose.yaml]\n"
        files |= {"sub/compose.yaml": IMAGE % "a:${T}", ".env": "T=1\n", "sub/.env": "S=1\n"}
        note = "T is not set in sub/.env"
    adoption = adopted(files, S(("image",), "a:2"))
    if note is None:
        assert (texts(adoption), adoption.notes) == ({".env": "T=2\n"}, ())
    else:
        (path,) = adoption.files
        assert texts(adoption) == {path: IMAGE % "a:2"}
        assert adoption.notes == (f"{path}: {note}, so this use was replaced by its new value",)


def test_the_env_file_beside_the_compose_file_counts() -> None:
    """In a folder too."""
    files = {"shop/compose.yaml": "name: shop\n" + IMAGE % "a:${T}", "shop/.env": "T=1\n", ".env": "T=1\n"}
    assert texts(adopted(files, S(("image",), "a:2"))) == {"shop/.env": "T=2\n"}


def test_bytes_that_are_no_text_do_not_hide_a_use() -> None:
    """A file of another encoding is read as well as it can be."""
    data = {"compose.yaml": (IMAGE % "a:${T}").encode(), ".env": b"T=1\n", "latin.yaml": b"a: \xe9 ${T}\n"}
    (web,) = [declared for declared in read(data, project="shop").resources if declared.id.name == "web"]
    assert adopt(web, [S(("image",), "a:2")], data).notes == (
        "compose.yaml: T is used 2 times, so this use was replaced by its new value",
    )


def test_a_removed_value_goes_with_its_variable() -> None:
    """There is nothing left to say through it."""
    files = {"compose.yaml": WEB + "    user: ${U}\n", ".env": "U=1\n"}
    assert texts(adopted(files, R(("user",)))) == {"compose.yaml": WEB}


@pytest.mark.parametrize(
    ("edit", "after"),
    [
        (
            A((), "labels", {"a": {"b": "$c"}, "d": ["$e", 1]}),
            "    labels:\n      a:\n        b: $$c\n      d:\n        - $$e\n        - 1\n",
        ),
        (A(("logging", "options"), "max-size", "1m"), "    logging:\n      options:\n        max-size: 1m\n"),
        (A((), "tty", True), "    tty: true\n"),
    ],
)
def test_what_is_added_is_written_into_the_service(edit: Edit, after: str) -> None:
    """With what is missing around it, and dollar signs doubled however deep."""
    assert texts(adopted({"compose.yaml": WEB}, edit)) == {"compose.yaml": WEB + after}


def test_several_edits_of_one_file_are_carried_out_in_order() -> None:
    """Changes, additions, removals; the file is read again as a whole once."""
    files = {"compose.yaml": WEB + "    environment:\n      - A=1\n      - B=2\n"}
    edits = (R(("environment", 0)), A(("environment",), None, "C=3"), S(("environment", 1), "B=5"), S(("image",), "x"))
    assert texts(adopted(files, *edits)) == {
        "compose.yaml": "services:\n  web:\n    image: x\n    environment:\n      - B=5\n      - C=3\n"
    }


def test_another_kind_of_object_is_edited_alike() -> None:
    """A volume is an entry of its section."""
    files = {"compose.yaml": WEB + "volumes:\n  data: {driver: local}\n"}
    adoption = adopted(files, S(("driver",), "nfs"), resource="volume/shop/data")
    assert texts(adoption) == {"compose.yaml": WEB + "volumes:\n  data: {driver: nfs}\n"}


@pytest.mark.parametrize(
    "edit", [S(("extends",), "base"), A((), "env_file", "web.env"), A((), "extends", "none"), S((), "x"), S((), None)]
)
def test_an_edit_that_reads_otherwise_than_it_says_is_refused(edit: Edit) -> None:
    """The project is read again: what Compose makes of the text counts."""
    files = {"compose.yaml": "services:\n  base: {user: me}\n  web:\n    image: ${I:-nginx}\n", "web.env": "A=1\n"}
    with pytest.raises(Refused, match="cannot be changed without changing something else") as refusal:
        adopted(files, edit)
    assert refusal.value.advice == "Another service extends it or shares its values: change it by hand."


def test_a_service_of_no_file_is_refused() -> None:
    """There is nothing to splice."""
    loose = Desired(
        ResourceId(Platform.COMPOSE, "service", "shop", "web"), "web", SourceKind.COMPOSE, {"image": "a"}, "c.yaml", 1
    )
    with pytest.raises(Refused, match="service/shop/web does not come from a file"):
        adopt(loose, [S(("image",), "b")], {})
