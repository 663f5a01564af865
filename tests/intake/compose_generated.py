"""Compose projects made by chance from the lists of features: files laid on each other, extended, included, with tags and
variables. One number is always the same project.

``python -m tests.intake.compose_generated FIRST LAST`` compares that many with docker compose and prints what is different.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_OFTEN: Final = frozenset(
    (
        "environment",
        "ports",
        "volumes",
        "networks",
        "depends_on",
        "labels",
        "env_file",
        "command",
        "healthcheck",
        "deploy",
    )
)
_VARIABLES: Final = (
    "EMPTY=\n", "A='one $KNOWN'\n", 'B="two $KNOWN \\n x"\n', "export C=three # comment\n", "D: colon\n", "E=a#b # c\n",
    "F=${KNOWN}-${MISSING:-d}\n", '\n# comment\nG="more\nlines"\n', "H=  spaced  \n", 'J="a\\"b"\n', "K=\r\n", "L=$$x\n",
    "M=a=b=c\n", "N.N=dotted\n", 'O="#x"\n', "P=`x`\n", "Q='a' # b\n", "S=1.0\n", "T=\\$x\n", "U=${GONE}\n", "V=${U:-v}\n",
    "X =before\n", "Z\n", "KNOWN=again\n",
)  # fmt: skip
_KINDS: Final = ("alone", "override", "extends", "base", "include", "listed", "profiles", "anchor", "documents")
_FORMS: Final = (
    "${%s:-d}",
    "${%s-d}",
    "${%s:+alt}",
    "${%s+alt}",
    "x${%s:-${KNOWN:-n}}y",
    "$$%s",
    "${%s:-}",
    "${%s:-a b}",
)
_INCLUDES: Final = (
    "[sub/in.yml]",
    "[{path: [sub/in.yml]}]",
    "[{path: sub/in.yml, project_directory: .}]",
    "[{path: sub/in.yml, env_file: sub/x.env}]",
    "[{path: [sub/in.yml, ./sub/over.yml], env_file: [sub/x.env, .env], project_directory: ./sub}]",
)
_SECTIONS: Final = (
    "networks:\n  front: {driver: overlay, labels: [a=b]}\n  back: {name: own}\n"
    'volumes:\n  data: {name: "x-${MISSING:-y}"}\n  logs:\n'
    "secrets: {s1: {file: ./s1}, s2: {environment: KNOWN}}\nconfigs: {c1: {file: ./c1}, c2: {content: x}}\n"
    "models: {m1: {model: ai/x}}\n"
)
_BESIDE: Final = {
    "a.env": b"A=sub\nS=${MISSING:-none}\n",
    "b.env": b"A=b\n",
    "a.labels": b"l=s\n",
    "b.labels": b"m=s\n",
}


@dataclass(frozen=True, slots=True)
class Chance:
    """What a project is made of: the features by key, and where chance is from."""

    features: Mapping[str, Sequence[str]]
    draw: random.Random

    def project(self, beside: Mapping[str, bytes]) -> dict[str, bytes]:
        """The files of one project; ``beside`` are those that features name."""
        kind = self.draw.choice(_KINDS)
        environment = "KNOWN=value\n" + "".join(self.draw.sample(_VARIABLES, self.draw.randint(0, 8)))
        services = [self.service("web", 5), self.service("db", 2), "  cache: {image: redis}"]
        files = {**beside, **self._more(kind, services)}
        top = {
            "include": f"include: {self.draw.choice(_INCLUDES)}\n",
            "anchor": "x-a: &a {labels: {c: '1'}, hostname: h}\n",
        }
        main = top.get(kind, "") + "services:\n" + "\n".join(services) + "\n" + _SECTIONS
        if kind == "documents":
            main += f"---\nservices:\n{self.service('web', 3, on_top=True)}\n"
        if kind == "listed":
            environment += "COMPOSE_PATH_SEPARATOR=;\nCOMPOSE_FILE=compose.yml;prod.yml\n"
        if kind == "profiles":
            environment += f"COMPOSE_PROFILES={self.draw.choice(('debug', 'debug,a', '*', 'b , debug', 'none', ''))}\n"
        if "over.yml" not in main:
            files.pop("sub/over.yml", None)
        return {**files, "compose.yml": main.encode(), ".env": environment.encode()}

    def _more(self, kind: str, services: list[str]) -> dict[str, bytes]:
        """What the kind of project has beside its main file, whose ``services`` get more."""
        over = f"services:\n{self.service('web', 5, on_top=True)}\n".encode()
        match kind:
            case "override":
                return {"compose.override.yaml": over}
            case "listed":
                return {"prod.yml": over}
            case "extends":
                services.append(self.service("ext", 3, on_top=True, first="extends: {service: web}"))
                services.append(self.service("again", 3, on_top=True, first="extends: ext"))
            case "base":
                services.append(
                    self.service("ext", 3, on_top=True, first="extends: {service: base, file: sub/base.yml}")
                )
                base = f"services:\n{self.service('base', 4, first='extends: deep')}\n{self.service('deep', 2)}\n"
                return {"sub/base.yml": base.encode(), **_below()}
            case "profiles":
                services.append(self.service("prof", 2, first="profiles: ['${MISSING:-debug}']"))
            case "anchor":
                services.append(self.service("anch", 3, first="<<: [*a, {tty: true}]"))
            case "include":
                included = f"services:\n{self.service('in', 4)}\n".encode()
                laid = f"services:\n{self.service('in', 3, on_top=True)}\n".encode()
                return {"sub/in.yml": included, "sub/over.yml": laid, "sub/x.env": b"KNOWN=from-x\n", **_below()}
        return {}

    def service(self, name: str, most: int, *, on_top: bool = False, first: str = "") -> str:
        """One service with up to ``most`` features, ``on_top`` of another one with tags."""
        weights = [4 if key in _OFTEN else 1 for key in self.features]
        keys = dict.fromkeys(self.draw.choices([*self.features], weights, k=self.draw.randint(1, most)))
        body = [f"{key}: {self._value(key, tagged=on_top)}" for key in keys]
        lines = [first, *(() if on_top else (f"image: img-{name}",)), *body]
        return "\n".join([f"  {name}:", *(f"    {line}" for line in lines if line)])

    def _value(self, key: str, *, tagged: bool) -> str:
        value = self.draw.choice(self.features[key])
        if key == "environment" and self.draw.random() < 0.3:
            names = [line.partition("=")[0].split()[-1][0] for line in _VARIABLES if line.strip("\n#")]
            forms = [self.draw.choice(_FORMS) % self.draw.choice(names) for _ in range(4)]
            value = "{" + ", ".join(f'E{at}: "{form}"' for at, form in enumerate(forms)) + "}"
        if tagged and self.draw.random() < 0.15:
            return self.draw.choice(("!reset null", "!reset []", f"!override {value}"))
        return value


def _below() -> dict[str, bytes]:
    return {f"sub/{name}": data for name, data in _BESIDE.items()} | {"sub/.env": b"KNOWN=from-sub\nMISSING=sub\n"}


def generated(numbers: Sequence[int]) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The projects of these numbers."""
    from tests.intake.test_compose_oracle import FILES, features, odd

    by_key: dict[str, list[str]] = {}
    for line in (*features(), *odd()[0]):
        key, _, value = line.partition(": ")
        by_key.setdefault(key, []).append(value)
    for number in numbers:
        chance = Chance(by_key, random.Random(number))
        yield str(number), chance.project(FILES)


def main(first: int, last: int) -> None:
    """Compare and print."""
    from tests.intake import compose_oracle as oracle
    from tests.intake.test_compose_oracle import judged

    counted: Counter[str] = Counter()
    for name, files in generated(range(first, last)):
        with tempfile.TemporaryDirectory() as folder:
            verdict, reasons = judged(oracle.ask(Path(folder) / name / oracle.PROJECT, files), oracle.ours(files))
        counted[verdict] += 1
        if verdict == "differ":
            print(name, *reasons, sep="\n    ")
    print(dict(counted))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
