"""What is found in a repository: the places that a person would name, and what belongs to them."""

from __future__ import annotations

from bot.model.target import Target, UnitKind
from bot.targets.discovery import Discovery, Named, discover
from bot.targets.documents import Documents
from tests.gitops import repository, tree_of
from tests.table import table

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def found(files: dict[str, str], *named: Named) -> Discovery:
    return discover(Documents(tree_of(files)), named_targets=named)


def listed(discovery: Discovery) -> dict[str, list[tuple[str, str]]]:
    return {each.name: [(unit.kind.value, unit.path) for unit in each.units] for each in discovery.targets}


def flux(path: str, name: str = "flux-system", **more: str) -> str:
    extra = "".join(f"  {key}: {value}\n" for key, value in more.items())
    return (
        f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n"
        f"spec:\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{extra}"
    )


@table(
    ("case", "expected"),
    [
        ("kustomize-shop", {"dev": [("kustomize", "overlays/dev")], "prod": [("kustomize", "overlays/prod")]}),
        ("kustomize-helm", {"default": [("kustomize", "")]}),
        (
            "charts",
            {
                "lonely": [("helm", "charts/lonely")],
                "shop-dev": [("helm", "charts/shop")],
                "shop-prod": [("helm", "charts/shop")],
            },
        ),
        ("flux-fleet", {"prod": [("flux-kustomization", "clusters/prod")]}),
        ("flux-artifacts", {"staging": [("flux-kustomization", "clusters/staging")]}),
        (
            "origins/argo",
            {
                "cache": [("argo-application", "charts/cache")],
                "guestbook": [("argo-application", "guestbook")],
                "jobs": [("argo-application", "jobs")],
                "sessions": [("argo-application", "charts/cache")],
            },
        ),
        (
            "origins/chart",
            {name: [("helm", "charts/shop")] for name in ("shop-dev", "shop-prod", "shop-staging")},
        ),
        (
            "origins/flux",
            {name: [("flux-kustomization", f"clusters/{name}")] for name in ("dev", "prod")},
        ),
        ("origins/overlays", {name: [("kustomize", f"overlays/{name}")] for name in ("dev", "prod")}),
    ],
)
def test_targets_are_what_a_person_would_name(case: str, expected: dict[str, list[tuple[str, str]]]) -> None:
    """Overlays, charts with their values, clusters of Flux; no base, component, dependency or folder of an app."""
    targets = listed(discover(Documents(repository(case))))
    assert targets == expected


def test_plain_manifests_make_no_target() -> None:
    """A repository without any tool has nothing but plain files."""
    assert found({"k8s/a.yaml": CONFIG_MAP, "compose.yaml": "services: {}\n"}) == Discovery()


def test_files_of_a_unit_declare_nothing_by_themselves() -> None:
    """Everything that a kustomization or a chart is made from is known as such; what lies beside it is not."""
    discovery = discover(Documents(repository("kustomize-shop")))
    assert discovery.rendered == {path for path in repository("kustomize-shop") if path != "README.md"}
    assert "charts/shop/values-prod.yaml" in discover(Documents(repository("charts"))).rendered


def test_two_clusters_of_one_repository_are_two_targets() -> None:
    """Each cluster begins at its own bootstrap, and sources of one name are told apart by folder."""
    meta = "metadata: {name: flux-system, namespace: flux-system}"
    source = f"apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n{meta}\n"
    files = {}
    for cluster in ("dev", "prod"):
        files[f"clusters/{cluster}/flux-system/gotk-sync.yaml"] = f"{source}---\n{flux(f'./clusters/{cluster}')}"
        files[f"clusters/{cluster}/apps.yaml"] = flux("./apps", "apps")
    files["apps/a.yaml"] = CONFIG_MAP
    assert listed(found(files)) == {
        "dev": [("flux-kustomization", "clusters/dev")],
        "prod": [("flux-kustomization", "clusters/prod")],
    }


def test_a_bootstrapped_cluster_begins_with_the_object_that_deploys_itself() -> None:
    """The first unit is that object, with all that its spec says."""
    text = flux("./clusters/a", patches="[{patch: x}]")
    (target,) = found({"clusters/a/flux-system/gotk-sync.yaml": text}).targets
    assert target.units[0].how == "Kustomization flux-system/flux-system"
    assert target.units[0].spec["patches"] == [{"patch": "x"}]
    assert target.cluster == "flux:clusters/a"


def test_suspended_bootstrap_still_names_the_cluster() -> None:
    """A cluster whose own object is suspended is a target all the same: its folder is told."""
    (target,) = found({"clusters/a/flux-system/gotk-sync.yaml": flux("./clusters/a", suspend="true")}).targets
    assert (target.name, target.units[0].path) == ("a", "clusters/a")


def test_names_are_told_apart() -> None:
    """Folders of one last name take as much before it as tells them apart; equal ones get a number."""
    overlay = "resources: []\nconfigMapGenerator: [{name: a}]\n"
    files = {f"{app}/overlays/prod/kustomization.yaml": overlay for app in ("shop", "blog")}
    assert sorted(listed(found(files))) == ["blog-prod", "shop-prod"]
    both = {"web/kustomization.yaml": overlay, "charts/web/Chart.yaml": "name: web\nversion: 1.0.0\n"}
    assert sorted(listed(found(both))) == ["web", "web-2"]


def test_settings_name_targets_themselves() -> None:
    """A named folder is rendered by what it holds, under its own name, and is not found a second time."""
    files = {
        "k/kustomization.yaml": "resources: [a.yaml]\n",
        "k/a.yaml": CONFIG_MAP,
        "c/Chart.yaml": "name: c\nversion: 1.0.0\n",
        "c/values-x.yaml": "",
        "plain/a.yaml": CONFIG_MAP,
        "f/a.yaml": flux("./f"),
    }
    discovery = found(
        files,
        Named("one", "k", namespace="n"),
        Named("two", "./c/", values=("c/values-x.yaml",), release="r"),
        Named("three", "plain"),
        Named("four", "f"),
    )
    assert [target for target in discovery.targets if not target.declared] == []
    units = {target.name: [(u.kind, u.path, u.namespace) for u in target.units] for target in discovery.targets}
    assert units == {
        "one": [(UnitKind.KUSTOMIZE, "k", "n")],
        "two": [(UnitKind.HELM, "c", "")],
        "three": [],
        "four": [(UnitKind.FLUX_KUSTOMIZATION, "f", "")],
    }
    assert discovery.targets[1].units[0].spec == {"releaseName": "r", "valueFiles": ["c/values-x.yaml"], "values": {}}
    assert discovery.targets[2] == Target("three", declared=True, paths=("plain",))


def test_what_is_there_to_be_read_or_tested_is_no_target() -> None:
    """Kustomizations and charts of tests, examples and continuous integration are passed over."""
    files = {}
    for folder in ("tests/e2e", "examples/a", ".github/ci", "docs"):
        files[f"{folder}/kustomization.yaml"] = "resources: []\n"
        files[f"{folder}/chart/Chart.yaml"] = "name: a\nversion: 1.0.0\n"
    assert found(files).targets == ()


def test_a_broken_kustomization_is_an_error_of_its_file() -> None:
    """A file that is no YAML is told with its line, and the others are found."""
    files = {
        "a/kustomization.yaml": "resources: [\n",
        "b/kustomization.yaml": "resources: [a.yaml]\n",
        "b/a.yaml": CONFIG_MAP,
    }
    discovery = found(files)
    assert [(error.file, error.line) for error in discovery.errors] == [("a/kustomization.yaml", 2)]
    assert sorted(listed(discovery)) == ["a", "b"]


def test_a_chart_with_a_kustomization_around_it_is_no_target() -> None:
    """A chart that a kustomization inflates, or that a HelmRelease installs, is not deployed by itself."""
    files = {
        "k/kustomization.yaml": "helmCharts: [{name: web, releaseName: a}]\n",
        "k/charts/web/Chart.yaml": "name: web\nversion: 1.0.0\n",
        "k/charts/web/values-prod.yaml": "",
    }
    assert listed(found(files)) == {"k": [("kustomize", "k")]}


def test_an_application_below_a_folder_that_is_read_flat_begins_by_itself() -> None:
    """Without ``recurse`` Argo CD reads the files of a folder alone: what lies deeper nobody brings along."""
    application = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: NAME}\nspec:\n"
        "  source: {path: PATH, directory: {recurse: RECURSE}}\n  destination: {namespace: n}\n"
    )
    for recurse, names in (("false", ["root", "deep"]), ("true", ["root"])):
        root = application.replace("NAME", "root").replace("PATH", "apps").replace("RECURSE", recurse)
        files = {
            "apps/root.yaml": root,
            "apps/team/deep.yaml": application.replace("NAME", "deep")
            .replace("PATH", "deep")
            .replace("RECURSE", "false"),
            "deep/a.yaml": CONFIG_MAP,
        }
        assert [target.name for target in found(files).targets] == names


def places(*paths: str, name: str = "a") -> dict[str, tuple[str, ...]]:
    """The targets of files that each declare one ConfigMap, by their folders."""
    files = {path: CONFIG_MAP.replace("name: a", f"name: {name}") for path in paths}
    return {target.name: target.paths for target in found(files).targets}


def test_folders_of_clusters_that_declare_one_object_are_places_of_their_own() -> None:
    """Nobody can deploy both to one cluster; a third one beside them is a place as well."""
    assert places("clusters/dev/a.yaml", "clusters/prod/x/a.yaml", "clusters/test/a.json", "a.yaml") == {
        "dev": ("clusters/dev",),
        "prod": ("clusters/prod",),
        "test": ("clusters/test",),
    }
    assert places("shop/envs/eu/a.yaml", "shop/envs/us/a.yaml") == {"eu": ("shop/envs/eu",), "us": ("shop/envs/us",)}


def test_folders_that_go_together_are_no_places() -> None:
    """Parts of one cluster, folders of another kind, and what is deployed by something else."""
    assert places("clusters/dev/a.yaml") == {}
    assert places("web/a.yaml", "old/a.yaml") == {}
    parts = {f"clusters/{part}/a.yaml": CONFIG_MAP.replace("name: a", f"name: {part}") for part in ("web", "db")}
    assert found(parts).targets == ()
    named = [Named(name, f"clusters/{name}") for name in ("dev", "prod")]
    files = {f"clusters/{name}/a.yaml": CONFIG_MAP for name in ("dev", "prod")}
    assert [target.declared for target in found(files, *named).targets] == [True, True]


def test_kustomizations_that_go_round_in_a_circle_are_one_target() -> None:
    """Each is a part of another; the first one stands for them, so that somebody is told. Below another one, it does not."""
    circle = {
        "a/kustomization.yaml": "resources: [../b]\n",
        "b/kustomization.yaml": "resources: [../c]\n",
        "c/kustomization.yaml": "resources: [../a]\n",
    }
    assert [target.name for target in found(circle).targets] == ["a"]
    over = {**circle, "over/kustomization.yaml": "resources: [../b]\n"}
    assert [target.name for target in found(over).targets] == ["over"]
