"""Flux's objects as its controllers render them."""

from __future__ import annotations

import pytest

from bot.model.json import text
from bot.model.target import Target, Unit, UnitKind
from bot.renderers.renderers import Renderers
from bot.targets.discovery import discover
from bot.targets.documents import Documents
from bot.targets.expansion import Expansion, RenderContext, expand
from tests.gitops import at, by_name, called, repository, tree_of
from tests.renderers import needs

pytestmark = [needs.KUSTOMIZE, needs.HELM]

OWN = ("https://github.com/example/fleet.git",)


@pytest.fixture(scope="module")
def fleet(renderers: Renderers) -> Expansion:
    """The one cluster of a repository that was bootstrapped with Flux, rendered to the end."""
    tree = repository("flux-fleet")
    (target,) = discover(Documents(tree), own_urls=OWN).targets
    return expand(target, tree, renderers.render_all, RenderContext(OWN))


def unit(files: dict[str, str], **spec: object) -> tuple[Unit, dict[str, str]]:
    """A Flux Kustomization of the folder ``app``."""
    return Unit(UnitKind.FLUX_KUSTOMIZATION, "app", "app", spec=spec, file="sync.yaml", line=1), files  # type: ignore[arg-type]


def test_every_unit_is_found_through_the_objects_before_it(fleet: Expansion) -> None:
    """From what bootstrap wrote, all units of the cluster are found, each with the one that brought it along."""
    parents = {each.unit.how: each.parent for each in fleet.units}
    assert list(parents) == [
        "Kustomization flux-system/flux-system",
        "Kustomization flux-system/apps",
        "Kustomization flux-system/elsewhere",
        "Kustomization flux-system/infra",
        "Kustomization flux-system/hidden",
        "Kustomization flux-system/late",
        "HelmRelease infra/bought",
        "HelmRelease infra/shop",
    ]
    assert all(parent is not None for parent in list(parents.values())[1:])


def test_what_is_not_applied_from_here_is_left_out_with_its_reason(fleet: Expansion) -> None:
    """Suspended units, other repositories, charts elsewhere and objects that Flux leaves alone are not compared."""
    reasons = {left.subject: left.reason for left in fleet.left_out}
    assert reasons == {
        "Kustomization flux-system/asleep": "it is suspended (spec.suspend), so nothing of it is applied now",
        "Kustomization flux-system/elsewhere": "its source is another repository, https://github.com/example/other,"
        " and is not fetched: github.com is not among fetch.hosts in clockwork.yaml",
        "HelmRelease infra/bought": "its chart bought comes from oci://registry.example.com/charts/bought, and is not"
        " fetched: registry.example.com is not among fetch.hosts in clockwork.yaml",
        "ConfigMap infra/by-hand": "kustomize.toolkit.fluxcd.io/reconcile: disabled",
        "ConfigMap infra/once": "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent",
    }
    assert all(left.file and left.line for left in fleet.left_out)
    assert fleet.conflicts == ()


def test_a_kustomization_gets_what_its_spec_adds(fleet: Expansion) -> None:
    """Namespace, prefix, images, patches, components, variables and common metadata are as Flux applies them."""
    web = next(made for _, made in fleet.objects() if called(made) == "Deployment/eu-web")
    assert at(web, "metadata") == {
        "name": "eu-web",
        "namespace": "shop",
        "labels": {"quiet": "true", "tier": "front"},
        "annotations": {"owner": "shop"},
    }
    assert (at(web, "spec", "replicas"), at(web, "spec", "minReadySeconds")) == (3, 5)
    template = at(web, "spec", "template")
    assert template == {
        "metadata": {"labels": {"app": "web"}},
        "spec": {
            "priorityClassName": "high",
            "containers": [
                {
                    "name": "web",
                    "image": "example.com/web:2.0.0",
                    "env": [
                        {"name": "DOMAIN", "value": "web.shop.example.com"},
                        {"name": "REGION", "value": "us"},
                        {"name": "MODE", "value": "calm"},
                        {"name": "NUMBER", "value": "'3'"},
                        {"name": "PRICE", "value": "${price}"},
                    ],
                }
            ],
        },
    }
    assert (web.file, web.line) == ("apps/base/web.yaml", 1)


def test_objects_can_say_that_nothing_is_substituted_in_them(fleet: Expansion) -> None:
    """An object with the annotation keeps its text."""
    script = next(made for _, made in fleet.objects() if called(made) == "ConfigMap/eu-script")
    assert at(script, "data", "run") == "echo ${HOME}"


def test_a_folder_without_kustomization_gets_one(fleet: Expansion) -> None:
    """All manifests below such a folder are applied, those of a kustomization in it only as it says."""
    names = {text(at(made, "metadata", "name")) for each, made in fleet.objects() if each.name == "infra"}
    assert names == {"made-by-infra", "nested-inner", "shop", "shop-values", "bought"}
    inputs = next(each.rendering.inputs for each in fleet.units if each.unit.name == "infra")
    assert "infra/kustomization.yaml" not in inputs


def test_variables_may_come_from_a_unit_that_is_rendered_later(fleet: Expansion) -> None:
    """A ConfigMap that another unit applies gives its values, in whatever order the units are named."""
    late = next(made for _, made in fleet.objects() if called(made) == "ConfigMap/late")
    assert (at(late, "data", "answer"), dict(late.opaque)) == ("x42", {})


def test_variables_of_the_cluster_alone_make_values_incomparable(fleet: Expansion) -> None:
    """A value that comes from a Secret which is not in the repository stays as written and is not compared."""
    hidden = next(made for _, made in fleet.objects() if called(made) == "ConfigMap/hidden")
    assert at(hidden, "data") == {"password": "${PASSWORD}", "plain": "same"}
    assert list(hidden.opaque) == [("data", "password")]


def test_a_release_gets_its_values_in_order(fleet: Expansion) -> None:
    """``valuesFiles`` instead of the chart's own, then ``valuesFrom``, then ``values``; then the post renderers."""
    release = next(made for each, made in fleet.objects() if called(made).startswith("Deployment/web-shop"))
    assert at(release, "metadata") == {"name": "web-shop", "namespace": "web", "labels": {"patched": "yes"}}
    assert at(release, "spec", "replicas") == 5
    assert at(release, "spec", "template", "metadata", "labels", "big") == "true"
    assert at(release, "spec", "template", "spec", "containers") == [
        {"name": "shop", "image": "example.com/shop:1.10", "args": ["--level=warn"]},
        {"name": "side", "image": "example.com/side:9"},
    ]
    assert release.file == "charts/shop/templates/web.yaml"
    rendering = next(each.rendering for each in fleet.units if each.unit.name == "shop")
    assert {"charts/shop/values-big.yaml", "charts/shop/Chart.yaml"} <= rendering.inputs


def test_artifacts_put_together_from_this_repository_are_found(renderers: Renderers) -> None:
    """An ExternalArtifact that copies folders as they lie is rendered from here; one that lays them anew is not."""
    tree = repository("flux-artifacts")
    (target,) = discover(Documents(tree)).targets
    expansion = expand(target, tree, renderers.render_all, RenderContext())
    one = next(made for _, made in expansion.objects() if called(made) == "ConfigMap/one")
    assert (at(one, "metadata", "namespace"), one.file) == ("staging", "apps/base/one.yaml")
    assert [(left.subject, left.reason) for left in expansion.left_out] == [
        (
            "Kustomization flux-system/mixed",
            "the ExternalArtifact mixed is put together in another layout than this repository's",
        )
    ]


def test_files_beside_manifests_stop_a_generated_kustomization(renderers: Renderers) -> None:
    """Flux applies nothing of a folder without kustomization that holds a YAML file of anything else."""
    app, files = unit(
        {"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "app/values.yaml": "# my\nb: 1\n"}
    )
    error = renderers.render(app, tree_of(files)).error
    assert error is not None
    assert "it is no Kubernetes object" in error.reason
    assert (error.file, error.line) == ("app/values.yaml", 2)


def test_a_bad_substitution_stops_the_whole_kustomization(renderers: Renderers) -> None:
    """A text that Flux cannot read as a variable fails the unit, and the message says how to write it."""
    files = {"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '${a.b}'}\n"}
    app, files = unit(files, variables={"on": True, "known": True, "values": {"a": "1"}})
    error = renderers.render(app, tree_of(files)).error
    assert error is not None
    assert error.reason == "bad substitution in '${a.b}' (a text that is no variable is written with $$)"


def test_without_any_variable_nothing_is_substituted(renderers: Renderers) -> None:
    """A ``postBuild`` that gives no variable leaves defaults as they are written, as Flux does."""
    files = {"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: '${a:-b}'}\n"}
    app, files = unit(files, variables={"on": True, "known": True, "values": {}})
    assert at(by_name(renderers.render(app, tree_of(files)))["ConfigMap/a"], "data", "a") == "${a:-b}"


def test_a_path_that_is_not_there_is_an_error(renderers: Renderers) -> None:
    """A Kustomization of a folder that nobody made does not come to nothing: that would read as removed."""
    error = renderers.render(unit({})[0], tree_of({"other/a.yaml": "a: 1"})).error
    assert error is not None
    assert error.reason == "spec.path names app, which is not in this repository"


def test_missing_components_may_be_passed_over(renderers: Renderers) -> None:
    """``ignoreMissingComponents`` leaves out those that are not there; without it they are an error."""
    files = {
        "app/kustomization.yaml": "resources: [a.yaml]\n",
        "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    }
    for ignored in (True, False):
        app, files = unit(files, components=["../none"], ignoreMissingComponents=ignored)
        assert (renderers.render(app, tree_of(files)).error is None) == ignored


def test_images_of_a_unit_are_laid_over_those_of_the_kustomization(renderers: Renderers) -> None:
    """A new tag takes the place of tag and digest of the same image and leaves its new name; others are added."""
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: a}, {name: b, image: b}]}\n"
    images = "images: [{name: a, newName: mirror/a, digest: 'sha256:0'}]\n"
    files = {"app/kustomization.yaml": f"resources: [a.yaml]\n{images}", "app/a.yaml": pod}
    app, files = unit(files, images=[{"name": "a", "newTag": "2"}, {"name": "b", "newName": "mirror/b"}])
    made = by_name(renderers.render(app, tree_of(files)))["Pod/a"]
    assert [at(made, "spec", "containers", n, "image") for n in (0, 1)] == ["mirror/a:2", "mirror/b"]


def test_content_of_encrypted_files_is_not_compared(renderers: Renderers) -> None:
    """Encrypted values are marked; what is generated from an encrypted file has a name that cannot be known."""
    secret = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {k: 'ENC[AES256_GCM,data:x,type:str]'}\n"
        "sops: {mac: 'ENC[AES256_GCM,data:y,type:str]'}\n"
    )
    generator = "resources: [a.yaml]\nsecretGenerator: [{name: g, files: [g.txt]}]\n"
    files = {"app/kustomization.yaml": generator, "app/a.yaml": secret, "app/g.txt": "k=ENC[AES256_GCM,data:z]"}
    app, files = unit(files)
    rendering = renderers.render(app, tree_of(files))
    assert sorted(by_name(rendering)["Secret/a"].opaque) == [("sops",), ("stringData", "k")]
    (left,) = rendering.left_out
    assert left.subject.startswith("Secret g-")
    assert left.reason == "it is generated from an encrypted file, and its name from what that holds"


def test_what_flux_s_artifact_leaves_out_is_not_there(renderers: Renderers) -> None:
    """A generated kustomization takes in no ignored file, and an object of another kind among those stops nothing."""
    files = {
        "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
        "app/values.yaml": "b: 1\n",
        "app/old/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
        ".sourceignore": "values.yaml\n/app/old/\n",
    }
    app, files = unit(files)
    rendering = renderers.render(app, tree_of(files))
    assert list(by_name(rendering)) == ["ConfigMap/a"]
    assert rendering.inputs == {"app/a.yaml", ".sourceignore"}
    app, files = unit(files, sifted={"ignore": "!values.yaml"})
    error = renderers.render(app, tree_of(files)).error
    assert error is not None
    assert error.file == "app/values.yaml"


def test_a_path_that_is_left_out_says_so(renderers: Renderers) -> None:
    """A folder or a file of a kustomization that Flux does not have is told with the reason."""
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    app, files = unit({"app/a.yaml": config}, sifted={"ignore": "/app"})
    error = renderers.render(app, tree_of(files)).error
    assert error is not None
    assert error.reason.endswith("as far as Flux has it: .sourceignore or spec.ignore leaves it out")
    app, files = unit(
        {"app/kustomization.yaml": "configMapGenerator: [{name: a, files: [logo.png]}]\n", "app/logo.png": "x"}
    )
    error = renderers.render(app, tree_of(files)).error
    assert error is not None
    assert error.reason == "logo.png is not there for Flux: .sourceignore or spec.ignore leaves it out"


def test_a_changed_ignore_file_renders_anew(renderers: Renderers) -> None:
    """What a unit comes to is remembered together with every file that leaves something out."""
    files = {"app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "app/b/.sourceignore": "none\n"}
    app, files = unit(files)
    assert len(renderers.render(app, tree_of(files)).objects) == 1
    assert not renderers.render(
        app, tree_of({**files, "other/.sourceignore": "x", "app/.sourceignore": "a.yaml"})
    ).objects


def test_a_folder_of_nothing_that_flux_applies_comes_to_nothing(renderers: Renderers) -> None:
    """Flux builds an empty kustomization of it, which is no error."""
    app, files = unit({"app/readme.md": "# nothing\n"})
    rendering = renderers.render(app, tree_of(files))
    assert (rendering.error, rendering.objects) == (None, ())


def test_a_bucket_is_not_compared(renderers: Renderers) -> None:
    """Neither what a Kustomization applies from one, nor a release whose chart is in one."""
    meta = "metadata: {name: NAME, namespace: f}"
    objects = (
        f"apiVersion: source.toolkit.fluxcd.io/v1\nkind: Bucket\n{meta}\nspec: {{endpoint: s3.example.com, bucketName: b}}\n",
        (
            f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n{meta}\n"
            "spec: {path: ./apps, sourceRef: {kind: Bucket, name: NAME}}\n"
        ),
        (
            f"apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n{meta}\n"
            "spec: {chart: {spec: {chart: ./apps, sourceRef: {kind: Bucket, name: NAME}}}}\n"
        ),
    )
    files = {"cluster/a.yaml": "---\n".join(objects).replace("NAME", "artifacts"), "apps/a.yaml": "a: 1\n"}
    target = Target("prod", (Unit(UnitKind.FLUX_KUSTOMIZATION, "prod", "cluster"),))
    expansion = expand(target, tree_of(files), renderers.render_all, RenderContext())
    assert {left.subject: left.reason for left in expansion.left_out} == {
        "Kustomization f/artifacts": "its source is Bucket artifacts, whose files are not in this repository",
        "HelmRelease f/artifacts": "its chart ./apps comes from Bucket artifacts, and charts of such a source are not fetched",
    }
