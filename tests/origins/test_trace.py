"""Where a rendered value comes from, as ``clockwork origin`` says it."""

from __future__ import annotations

import pytest

from bot.model.json import Pointer
from bot.origins.scene import Chain, EditPlan, NoEdit
from bot.origins.trace import another, trace
from tests.origins.repositories import NEEDS, repository
from tests.origins.templater import Templater
from tests.origins.test_natural import CONTAINER, IMAGE, find
from tests.origins.test_search import IMAGE as LITTLE_IMAGE
from tests.origins.test_search import WEB, files

pytestmark = NEEDS


def chain_of(name: str, target: str, kind: str, object_name: str, pointer: Pointer) -> Chain:
    repo = repository(name)
    answer = trace(target, find(repo, target, kind, object_name), pointer, repo.scene)
    assert isinstance(answer, Chain), answer
    return answer


def lines(chain: Chain) -> list[tuple[str, int, object]]:
    return [(link.spot.file, link.spot.line, link.value) for link in chain.links]


def feeds(chain: Chain) -> set[str]:
    return {f"{feed.target}:{feed.id.kind}:{'.'.join(str(part) for part in feed.pointer)}" for feed in chain.feeds}


def test_the_deciding_line_comes_first_and_what_it_overrides_after() -> None:
    """An image of an overlay: its tag, then the manifest of the base; the edit is at that same line."""
    chain = chain_of("overlays", "prod", "Deployment", "web", IMAGE)
    assert chain.value == "registry.example.com/shop/web:v1.0.4"
    assert lines(chain) == [
        ("overlays/prod/kustomization.yaml", 13, "v1.0.4"),
        ("base/web.yaml", 25, "ghcr.io/shop/web:v1.0.0"),
    ]
    assert [link.decides for link in chain.links] == [True, False]
    assert isinstance(chain.edit, EditPlan)
    assert chain.edit.spots[0].line == 13
    assert chain.feeds == ()
    assert chain.note == ""


def test_values_lead_through_the_chart_to_its_template() -> None:
    """A value of a chart: the file that wins, the default that it overrides, the template's line that reads it."""
    chain = chain_of("chart", "shop-prod", "Deployment", "shop-web", IMAGE)
    assert lines(chain) == [
        ("charts/shop/values-prod.yaml", 4, "v1.0.4"),
        ("charts/shop/values.yaml", 6, ""),
        ("charts/shop/templates/deployment.yaml", 29, None),
    ]


def test_values_of_a_release_lead_through_its_patch() -> None:
    """A release of Flux: the overlay's patch, the chart's default, the template; the release itself is fed as well."""
    chain = chain_of("flux", "prod", "StatefulSet", "cache", IMAGE)
    assert lines(chain) == [
        ("apps/prod/cache-values.yaml", 9, "7.2"),
        ("charts/cache/values.yaml", 3, "7.0"),
        ("charts/cache/templates/statefulset.yaml", 22, None),
    ]
    assert feeds(chain) == {"prod:HelmRelease:spec.values.image.tag"}


def test_a_line_of_a_shared_base_names_all_that_it_feeds() -> None:
    """The base's line decides for one overlay; the edit that would set another value is a patch of that overlay alone."""
    chain = chain_of("overlays", "dev", "Deployment", "dev-web", (*CONTAINER, "readinessProbe", "httpGet", "path"))
    assert lines(chain) == [("base/web.yaml", 46, "/ready")]
    assert feeds(chain) == {"prod:Deployment:spec.template.spec.containers.0.readinessProbe.httpGet.path"}
    assert isinstance(chain.edit, EditPlan)
    assert list(chain.edit.files) == ["overlays/dev/kustomization.yaml"]
    assert chain.edit.moves == ()


def test_what_a_label_of_all_objects_feeds() -> None:
    """A label that a kustomization puts on everything feeds every other object of the target."""
    chain = chain_of("overlays", "prod", "Ingress", "web", ("metadata", "labels", "env"))
    assert lines(chain) == [("overlays/prod/kustomization.yaml", 9, "prod")]
    assert len({feed.id for feed in chain.feeds}) == 6
    assert {feed.pointer for feed in chain.feeds} == {("metadata", "labels", "env")}
    assert isinstance(chain.edit, EditPlan)
    assert {id_ for _, id_ in chain.edit.moves} == {feed.id for feed in chain.feeds}


@pytest.mark.parametrize(
    ("kind", "name", "key", "expected"),
    [
        ("ConfigMap", "web-settings-", "FEATURE_CART", ("base/features.env", 3, "off")),
        ("ConfigMap", "web-settings-", "CACHE_SIZE", ("base/kustomization.yaml", 11, "CACHE_SIZE=100")),
        ("Secret", "web-login-", "user", ("base/kustomization.yaml", 20, "user=shop")),
    ],
)
def test_generated_data_comes_from_literals_and_files(
    kind: str, name: str, key: str, expected: tuple[str, int, str]
) -> None:
    """An entry of a generated object leads to the literal or the line of the file that says it, encoded or not."""
    chain = chain_of("overlays", "prod", kind, name, ("data", key))
    assert lines(chain) == [expected]
    assert f"dev:{kind}:data.{key}" in feeds(chain)


def test_a_whole_file_is_one_value() -> None:
    """A file that a generator takes in decides as a whole."""
    chain = chain_of("overlays", "prod", "ConfigMap", "nginx-", ("data", "nginx.conf"))
    assert [(link.spot.file, link.spot.label) for link in chain.links] == [("base/nginx.conf", "the whole file")]


def test_a_value_that_a_template_says_names_its_line() -> None:
    """The template's own line decides, and its edit moves every other place that the template is rendered for."""
    chain = chain_of("chart", "shop-prod", "Deployment", "shop-web", ("spec", "revisionHistoryLimit"))
    (link,) = chain.links
    assert (link.spot.line, link.spot.label, link.decides) == (11, "template", True)
    assert isinstance(chain.edit, EditPlan)
    assert {target for target, _ in chain.edit.moves} == {"shop-dev", "shop-staging"}


def test_a_value_that_a_template_makes_names_the_template() -> None:
    """No line decides: the template's line that writes the field is the only link, and the note says why."""
    chain = chain_of("chart", "shop-prod", "ConfigMap", "shop-config", ("data", "workers"))
    (link,) = chain.links
    assert (link.spot.line, link.spot.label, link.decides) == (8, "template", False)
    assert chain.note == f"the template {link.spot.file} makes it, and no value of the chart changes it"
    assert isinstance(chain.edit, NoEdit)


def test_a_random_value_is_said_to_be_one() -> None:
    """What every rendering makes anew has no line, and is not searched for."""
    chain = chain_of("chart", "shop-prod", "Secret", "shop-session", ("data", "key"))
    assert chain.note == "it is made anew at each rendering"
    assert chain.feeds == ()


def test_what_cannot_be_traced() -> None:
    """No such object, no such place, and no single value have their own answers."""
    scene = Templater().scene(files())
    assert trace("prod", WEB._replace(name="x"), (), scene) == NoEdit("prod has no Deployment/x")
    assert trace("prod", WEB, ("spec", "x"), scene) == NoEdit("Deployment/web has nothing at spec.x")
    assert trace("prod", WEB, ("spec",), scene) == NoEdit("spec of Deployment/web is no single value")


def test_a_trace_changes_nothing_and_renders_little() -> None:
    """The files stay as they are; a handful of renderings suffice."""
    templater = Templater()
    scene = templater.scene(files())
    chain = trace("prod", WEB, LITTLE_IMAGE, scene)
    assert isinstance(chain, Chain)
    assert lines(chain)[0] == ("places/prod/values.yaml", 3, "2.0")
    assert feeds(chain) == {"prod:Deployment:spec.containers.1.image"}
    assert not scene.tree.changed
    assert templater.rendered <= 8


@pytest.mark.parametrize(
    ("value", "expected"), [(True, False), (3, 4), (0.5, 1.5), ("a", "ax"), ("", "x"), ([], None), (None, None)]
)
def test_another_value_of_the_same_type(value: bool | float | str | list[str] | None, expected: object) -> None:
    """What a rendering would show, for any scalar."""
    assert another(value) == expected


def test_another_value_of_encoded_data() -> None:
    """The data of a Secret stays base64."""
    assert another("c2hvcA==", encoded=True) == "c2hvcHg="
