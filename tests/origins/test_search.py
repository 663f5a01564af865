"""The search itself, on a little templater: what it finds, in which order, what it says and what it leaves alone."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.model.drift import AddEntry, Edit, RemoveEntry, SetValue
from bot.model.filetree import FileTree
from bot.model.resource import Platform, ResourceId
from bot.origins.plans import Plans
from bot.origins.scene import NO_NOISE, EditPlan, Goal, NoEdit, Objects, Provenance, Scene
from bot.origins.search import find_edit
from bot.origins.trials import CHEAP_MOST, SLOW_MOST
from tests.origins.templater import Templater

WEB = ResourceId(Platform.KUBERNETES, "Deployment", "", "web")
IMAGE = ("spec", "containers", 0, "image")
PROXY_IMAGE = ("spec", "containers", 1, "image")

TEMPLATE = """\
kind: Deployment
metadata:
  name: web
  labels:
    app: web
    tier: {{ tier }}
spec:
  replicas: {{ replicas }}
  containers:
    - name: web
      image: {{ image.repository }}:{{ image.tag }}
      env:
        - name: LOG_LEVEL
          value: {{ log.level }}
    - name: proxy
      image: shop/proxy:{{ image.tag }}
"""
DEFAULTS = """\
# What every place has.
tier: front
replicas: 1
image:
  repository: shop/web
  tag: "1.0"
log:
  level: info
"""
PLACE = "templates: [app/web.yaml]\nvalues: [app/values.yaml, places/{0}/values.yaml]\n"


def files(**changed: str) -> dict[str, str]:
    """Two places of one application."""
    given = {
        "app/web.yaml": TEMPLATE,
        "app/values.yaml": DEFAULTS,
        "places/dev/place.yaml": PLACE.format("dev"),
        "places/dev/values.yaml": "replicas: 1\n",
        "places/prod/place.yaml": PLACE.format("prod"),
        "places/prod/values.yaml": "replicas: 3\nimage:\n  tag: '2.0'  # released in May\n",
    }
    return {**given, **changed}


def changes(scene: Scene, plan: EditPlan | NoEdit) -> dict[str, list[str]]:
    """The lines that go and come, by file; empty lines aside."""
    assert isinstance(plan, EditPlan), plan
    return {
        path: difference((scene.tree.read(path) or b"").decode(), data.decode()) for path, data in plan.files.items()
    }


def difference(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@")) and len(line) > 1]


def goal(target: str, *edits: Edit, id_: ResourceId = WEB) -> Goal:
    return Goal(target, {id_: edits})


def plan_of(asked: Goal, scene: Scene) -> EditPlan:
    plan = find_edit(asked, scene)
    assert isinstance(plan, EditPlan), plan
    return plan


# -- the order of what is preferred ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pointer", "value", "expected"),
    [
        (("spec", "replicas"), 5, {"places/prod/values.yaml": ["-replicas: 3", "+replicas: 5"]}),
        (("metadata", "labels", "tier"), "back", {"places/prod/values.yaml": ["+tier: back"]}),
        (
            ("spec", "containers", 0, "env", 0, "value"),
            "debug",
            {"places/prod/values.yaml": ["+log:", "+  level: debug"]},
        ),
        (IMAGE, "shop/api:2.0", {"places/prod/values.yaml": ["+  repository: 'shop/api'"]}),
    ],
)
def test_a_value_is_set_where_only_its_target_reads_it(
    pointer: tuple[str | int, ...], value: str | int, expected: Mapping[str, list[str]]
) -> None:
    """A value of the target's own file changes in one line; a default is overridden there, and not where all read it."""
    scene = Templater().scene(files())
    plan = plan_of(goal("prod", SetValue(pointer, value)), scene)
    assert changes(scene, plan) == expected
    assert plan.moves == ()


def test_a_new_entry_comes_before_an_edit_that_moves_other_targets() -> None:
    """What no value sets is patched in the nearest layer, though the template that both targets read says it."""
    given = files(**{"app/web.yaml": TEMPLATE.replace("{{ tier }}", "front")})
    scene = Templater().scene(given)
    plan = plan_of(goal("prod", SetValue(("metadata", "labels", "tier"), "back")), scene)
    assert changes(scene, plan) == {
        "places/prod/place.yaml": [
            "+patches:",
            "+  - patch: |-",
            "+      - op: replace",
            "+        path: /metadata/labels/tier",
            "+        value: back",
            "+    target:",
            "+      kind: Deployment",
            "+      name: web",
        ]
    }
    assert plan.moves == ()


def test_what_has_its_own_entry_gets_it_there() -> None:
    """A count of replicas that no value sets is an entry of ``replicas``, and an image one of ``images``."""
    fixed = TEMPLATE.replace("{{ replicas }}", "2").replace("{{ image.repository }}:{{ image.tag }}", "shop/web:1.0")
    scene = Templater().scene(files(**{"app/web.yaml": fixed}))
    count = plan_of(goal("prod", SetValue(("spec", "replicas"), 4)), scene)
    assert changes(scene, count) == {"places/prod/place.yaml": ["+replicas:", "+  - name: web", "+    count: 4"]}
    image = plan_of(goal("prod", SetValue(IMAGE, "shop/web:1.1")), scene)
    assert changes(scene, image) == {
        "places/prod/place.yaml": ["+images:", "+  - name: shop/web", '+    newTag: "1.1"']
    }


def test_an_entry_that_is_there_is_changed_and_not_joined_by_another() -> None:
    """An ``images`` entry takes another name, too, where the image is renamed."""
    fixed = TEMPLATE.replace("{{ image.repository }}:{{ image.tag }}", "shop/web:1.0")
    place = PLACE.format("prod") + "images:\n- name: shop/web\n  newTag: '1.4'\n"
    scene = Templater().scene(files(**{"app/web.yaml": fixed, "places/prod/place.yaml": place}))
    tag = plan_of(goal("prod", SetValue(IMAGE, "shop/web:1.5")), scene)
    assert changes(scene, tag) == {"places/prod/place.yaml": ["-  newTag: '1.4'", "+  newTag: '1.5'"]}
    name = plan_of(goal("prod", SetValue(IMAGE, "mirror/web:1.5")), scene)
    assert changes(scene, name) == {
        "places/prod/place.yaml": ["-  newTag: '1.4'", "+  newTag: '1.5'", "+  newName: mirror/web"]
    }


def test_an_edit_that_moves_others_names_them_all() -> None:
    """Where nothing exact is found, the edit that moves least is offered, with every object that it moves."""
    other = "kind: Service\nmetadata:\n  name: web\n  labels:\n    tier: {{ tier }}\n"
    bare = "templates: [app/web.yaml, app/service.yaml]\nvalues: [app/values.yaml]\n"
    given = files(**{"places/dev/place.yaml": bare, "places/prod/place.yaml": bare, "app/service.yaml": other})
    scene = Templater().scene(given)
    layerless = replace(
        scene,
        provenance={
            target: {id_: replace(each, layers=()) for id_, each in known.items()}
            for target, known in scene.provenance.items()
        },
    )
    plan = plan_of(goal("prod", SetValue(("metadata", "labels", "tier"), "back")), layerless)
    assert changes(scene, plan) == {"app/values.yaml": ["-tier: front", "+tier: back"]}
    service = WEB._replace(kind="Service")
    assert set(plan.moves) == {("prod", service), ("dev", WEB), ("dev", service)}


def test_more_of_the_same_object_counts_as_moved() -> None:
    """An edit that changes another field of the wanted object names that object."""
    scene = Templater().scene(files())
    plain = replace(scene, provenance={"prod": {WEB: Provenance(reach=(scene.inputs["prod"],))}})
    plan = plan_of(goal("prod", SetValue(IMAGE, "shop/web:2.1")), plain)
    assert changes(scene, plan) == {
        "places/prod/values.yaml": ["-  tag: '2.0'  # released in May", "+  tag: '2.1'  # released in May"]
    }
    assert plan.moves == (("prod", WEB),)


# -- several edits -----------------------------------------------------------------------------------------------------


def test_one_line_feeds_two_wanted_fields() -> None:
    """Two containers share one tag: both are wanted, and one line makes both."""
    scene = Templater().scene(files())
    plan = plan_of(goal("prod", SetValue(IMAGE, "shop/web:2.1"), SetValue(PROXY_IMAGE, "shop/proxy:2.1")), scene)
    assert changes(scene, plan) == {
        "places/prod/values.yaml": ["-  tag: '2.0'  # released in May", "+  tag: '2.1'  # released in May"]
    }
    assert plan.moves == ()
    assert len(plan.spots) == 1


def test_one_of_two_containers_that_share_a_tag_is_patched_alone() -> None:
    """Where only one of the two is wanted, the shared line stays."""
    scene = Templater().scene(files())
    plan = plan_of(goal("prod", SetValue(PROXY_IMAGE, "shop/proxy:2.1")), scene)
    assert changes(scene, plan) == {
        "places/prod/place.yaml": ["+images:", "+  - name: shop/proxy", '+    newTag: "2.1"']
    }
    assert plan.moves == ()


def test_several_edits_meet_in_one_plan() -> None:
    """Edits of several fields of several objects make one plan; what one of them did is kept by the others."""
    config = "kind: ConfigMap\nmetadata:\n  name: web\ndata:\n  level: {{ log.level }}\n"
    place = "templates: [app/web.yaml, app/config.yaml]\nvalues: [app/values.yaml, places/prod/values.yaml]\n"
    scene = Templater().scene(files(**{"app/config.yaml": config, "places/prod/place.yaml": place}))
    wanted = Goal(
        "prod",
        {
            WEB: (SetValue(("spec", "containers", 0, "env", 0, "value"), "debug"), SetValue(("spec", "replicas"), 4)),
            WEB._replace(kind="ConfigMap"): (SetValue(("data", "level"), "debug"),),
        },
    )
    plan = plan_of(wanted, scene)
    assert changes(scene, plan) == {
        "places/prod/values.yaml": ["-replicas: 3", "+replicas: 4", "+log:", "+  level: debug"]
    }
    assert plan.moves == ()


def test_an_edit_never_undoes_another() -> None:
    """Two fields that one line feeds cannot have two values where nothing else sets them."""
    scene = Templater().scene(files())
    plain = replace(scene, provenance={"prod": {WEB: Provenance(reach=(scene.inputs["prod"],))}})
    answer = find_edit(goal("prod", SetValue(IMAGE, "shop/web:2.1"), SetValue(PROXY_IMAGE, "shop/proxy:2.2")), plain)
    assert isinstance(answer, NoEdit)
    assert answer.reason == (
        "no file of this repository sets spec.containers[proxy].image of Deployment/web in a way that keeps what else is wanted"
    )


def test_repository_and_tag_change_together() -> None:
    """An image whose name and tag are two values is set by an edit of both."""
    own = "replicas: 3\nimage:\n  repository: shop/web\n  tag: '2.0'\n"
    alone = TEMPLATE.replace("shop/proxy:{{ image.tag }}", "shop/proxy:1")
    scene = Templater().scene(files(**{"app/web.yaml": alone, "places/prod/values.yaml": own}))
    plan = plan_of(goal("prod", SetValue(IMAGE, "mirror/web:3.0")), scene)
    assert changes(scene, plan) == {
        "places/prod/values.yaml": [
            "-  repository: shop/web",
            "-  tag: '2.0'",
            "+  repository: mirror/web",
            "+  tag: '3.0'",
        ]
    }


# -- entries that come and go ------------------------------------------------------------------------------------------

PLAIN = """\
# The queue.
kind: Queue
metadata:
  name: mail
  labels:
    app: mail
spec:
  containers:
    - name: mail
      env:
        - name: HOST
          value: a
        - name: PORT
          value: "25"
"""
MAIL = ResourceId(Platform.KUBERNETES, "Queue", "", "mail")
ENV = ("spec", "containers", 0, "env")


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (AddEntry(("metadata", "labels"), "team", "post"), ["+    team: post"]),
        (AddEntry(("metadata", "annotations"), "note", "x"), ["+  annotations:", "+    note: x"]),
        (AddEntry(ENV, None, {"name": "TLS", "value": "on"}), ["+        - name: TLS", '+          value: "on"']),
        (RemoveEntry(("metadata", "labels", "app")), ["-  labels:", "-    app: mail", "+  labels: {}"]),
        (RemoveEntry((*ENV, 0)), ["-        - name: HOST", "-          value: a"]),
        (RemoveEntry((*ENV, 1)), ["-        - name: PORT", '-          value: "25"']),
        (SetValue((*ENV, 1, "name"), "SMTP_PORT"), ["-        - name: PORT", "+        - name: SMTP_PORT"]),
    ],
)
def test_entries_come_and_go_in_the_manifest(edit: Edit, lines: list[str]) -> None:
    """Keys of mappings and named elements of lists are added and removed where the object is written."""
    scene = Templater().scene({"app/mail.yaml": PLAIN, "places/one/place.yaml": "templates: [app/mail.yaml]\n"})
    plan = plan_of(goal("one", edit, id_=MAIL), scene)
    assert changes(scene, plan) == {"app/mail.yaml": lines}
    assert plan.moves == ()


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (
            AddEntry(ENV, None, {"name": "TLS", "value": "on"}),
            ["+      - op: add", "+        path: /spec/containers/0/env/-", "+        value:", "+          name: TLS",
             '+          value: "on"'],
        ),
        (RemoveEntry((*ENV, 0)), ["+      - op: remove", "+        path: /spec/containers/0/env/0"]),
        (
            AddEntry(("metadata", "annotations"), "a/b", "x"),
            ["+      - op: add", "+        path: /metadata/annotations", "+        value:", "+          a/b: x"],
        ),
    ],
)  # fmt: skip
def test_entries_come_and_go_by_a_patch_where_others_share_the_manifest(edit: Edit, lines: list[str]) -> None:
    """A manifest of two targets stays; the one target gets a patch of one operation."""
    place = "templates: [app/mail.yaml]\n"
    given = {"app/mail.yaml": PLAIN, "places/one/place.yaml": place, "places/two/place.yaml": place}
    scene = Templater().scene(given)
    plan = plan_of(goal("one", edit, id_=MAIL), scene)
    target = ["+    target:", "+      kind: Queue", "+      name: mail"]
    assert changes(scene, plan) == {"places/one/place.yaml": ["+patches:", "+  - patch: |-", *lines, *target]}
    assert plan.moves == ()


def test_a_second_operation_joins_the_patch_that_is_there() -> None:
    """A patch of this object in the target's own layer gets one more operation, in its own style."""
    patch = "patches:\n- target: {kind: Queue, name: mail}\n  patch: |-\n    - op: remove\n      path: /metadata/labels/app\n"
    place = "templates: [app/mail.yaml]\n"
    given = {"app/mail.yaml": PLAIN, "places/one/place.yaml": place + patch, "places/two/place.yaml": place}
    scene = Templater().scene(given)
    plan = plan_of(goal("one", SetValue((*ENV, 0, "value"), "b"), id_=MAIL), scene)
    assert changes(scene, plan) == {
        "places/one/place.yaml": [
            "+    - op: replace",
            "+      path: /spec/containers/0/env/0/value",
            "+      value: b",
        ]
    }


@pytest.mark.parametrize(
    "edit",
    [
        SetValue(("spec", "replicas"), 3),
        AddEntry(("metadata", "labels"), "tier", "front"),
        AddEntry(("spec", "containers", 0, "env"), None, {"name": "LOG_LEVEL", "value": "info"}),
        RemoveEntry(("metadata", "labels", "team")),
    ],
)
def test_what_is_already_so_needs_no_edit(edit: Edit) -> None:
    """A goal that is reached changes no file and renders nothing."""
    templater = Templater()
    scene = templater.scene(files())
    assert find_edit(goal("prod", edit), scene) == EditPlan({}, ())
    assert templater.rendered == 0


# -- what cannot be found ----------------------------------------------------------------------------------------------


def test_the_reason_why_there_is_no_edit() -> None:
    """What is not rendered, what does not fit and what no file sets have their own reasons."""
    scene = Templater().scene(
        {"app/mail.yaml": PLAIN.replace("a\n", "{{ random }}\n"), "places/one/place.yaml": "{}\n"}
    )
    gone = find_edit(goal("one", SetValue(("spec",), {})), scene)
    assert gone == NoEdit("Deployment/web is not rendered any more")
    scene = Templater().scene(files())
    unfit = find_edit(goal("prod", AddEntry(("kind",), None, "x")), scene)
    assert unfit == NoEdit("the source has no list at kind")


def test_a_hard_coded_value_is_changed_in_its_template() -> None:
    """A value that a template says itself is one line of it; what a template makes of something is answered with its name."""
    template = (
        "kind: Deployment\nmetadata:\n  name: web\nspec:\n  level: {{ random }}\n  port: 80 # plain\n"
        "  host: {{ host }}\n  full: a.{{ host }}\n"
    )
    given = {
        "chart/templates/web.yaml": template,
        "chart/values.yaml": "host: a\n",
        "places/one/place.yaml": "templates: [chart/templates/web.yaml]\nvalues: [chart/values.yaml]\n",
    }
    scene = Templater().scene(given, again=True)
    values = scene.inputs["one"] - {"chart/templates/web.yaml"}
    provenance = Provenance("chart/templates/web.yaml", 1, (values,), cheap=True)
    scene = replace(scene, provenance={"one": {WEB: provenance}})
    plan = plan_of(goal("one", SetValue(("spec", "port"), 81)), scene)
    assert changes(scene, plan) == {"chart/templates/web.yaml": ["-  port: 80 # plain", "+  port: 81 # plain"]}
    assert [(spot.line, spot.label) for spot in plan.spots] == [(6, "template")]
    answer = find_edit(goal("one", SetValue(("spec", "full"), "b.c")), scene)
    assert isinstance(answer, NoEdit)
    assert answer.reason == (
        "no file of this repository sets spec.full of Deployment/web:"
        " the template chart/templates/web.yaml makes it, and no value of the chart changes it"
    )
    assert (answer.file, answer.line) == ("chart/templates/web.yaml", 1)
    action = find_edit(goal("one", SetValue(("spec", "port"), "{{ env }}")), scene)
    assert isinstance(action, NoEdit)  # a live value never becomes an action of a template
    noisy = find_edit(goal("one", SetValue(("spec", "level"), "x")), scene)
    assert isinstance(noisy, NoEdit)
    assert noisy.reason == "spec.level of Deployment/web is made anew at each rendering"


# -- chance ------------------------------------------------------------------------------------------------------------


def test_random_values_do_not_count_as_moved() -> None:
    """An object with a password at random is another one each time; an edit beside it is exact."""
    secret = "kind: Secret\nmetadata:\n  name: web\ndata:\n  password: {{ random }}\n  user: {{ user }}\n"
    place = "templates: [app/web.yaml, app/secret.yaml]\nvalues: [app/values.yaml, places/prod/values.yaml]\n"
    given = files(**{
        "app/secret.yaml": secret,
        "places/prod/place.yaml": place,
        "places/prod/values.yaml": "replicas: 3\nuser: a\n",
    })  # fmt: skip
    scene = Templater().scene(given, again=True)
    plan = plan_of(goal("prod", SetValue(("spec", "replicas"), 4)), scene)
    assert plan.moves == ()
    user = plan_of(goal("prod", SetValue(("data", "user"), "b"), id_=WEB._replace(kind="Secret")), scene)
    assert changes(scene, user) == {"places/prod/values.yaml": ["-user: a", "+user: b"]}
    assert user.moves == ()
    blind = replace(scene, noise=NO_NOISE)
    assert plan_of(goal("prod", SetValue(("spec", "replicas"), 4)), blind).moves != ()


# -- how much is tried -------------------------------------------------------------------------------------------------


def test_a_candidate_that_does_not_render_is_passed_over() -> None:
    """The likeliest line breaks the rendering when it changes; the next one that works is taken."""
    template = "kind: Deployment\nmetadata:\n  name: web\nspec:\n  level: {{ levels.info }}\n"
    values = "spec:\n  level: info\nlevels:\n  info: info\n"
    given = {
        "app/web.yaml": template,
        "app/values.yaml": values,
        "places/one/place.yaml": "templates: [app/web.yaml]\nvalues: [app/values.yaml]\n",
    }
    templater = Templater()
    scene = templater.scene(given)
    refused: list[bytes] = []

    def render(tree: FileTree, targets: frozenset[str]) -> Objects | None:
        data = tree.read("app/values.yaml") or b""
        if b"level: info" not in data:
            refused.append(data)
            return None
        return templater(tree, targets)

    plan = plan_of(goal("one", SetValue(("spec", "level"), "debug")), replace(scene, render=render))
    assert refused, "the likelier line was tried first"
    assert changes(scene, plan) == {"app/values.yaml": ["-  info: info", "+  info: debug"]}


@pytest.mark.parametrize("cheap", [False, True])
def test_nothing_is_tried_more_often_than_the_limit(cheap: bool) -> None:
    """A value that hundreds of lines say, none of which sets it, is given up after the limit."""
    values = "".join(f"port{number}: 80\non{number}: true\n" for number in range(300))
    template = "kind: Deployment\nmetadata:\n  name: web\nspec:\n  port: 80\n"
    given = {
        "app/web.yaml": template,
        "app/values.yaml": values,
        "places/one/place.yaml": "templates: [app/web.yaml]\nvalues: [app/values.yaml]\n",
    }
    templater = Templater()
    scene = templater.scene(given, cheap=cheap)
    values_only = replace(scene.provenance_of("one", WEB), reach=(frozenset({"app/values.yaml"}),), layers=())
    answer = find_edit(
        goal("one", SetValue(("spec", "port"), 81)), replace(scene, provenance={"one": {WEB: values_only}})
    )
    assert isinstance(answer, NoEdit)
    assert templater.rendered == answer.tried <= (CHEAP_MOST if cheap else SLOW_MOST)


def test_the_one_line_among_many_is_found_by_marking_them_all() -> None:
    """Of two hundred lines that say the value, one rendering tells which one sets it."""
    values = "".join(f"a{number}: eighty\n" for number in range(200))
    template = "kind: Deployment\nmetadata:\n  name: web\nspec:\n  word: {{ a150 }}\n"
    given = {
        "app/web.yaml": template,
        "app/values.yaml": values,
        "places/one/place.yaml": "templates: [app/web.yaml]\nvalues: [app/values.yaml]\n",
    }
    scene = Templater().scene(given)
    plan = plan_of(goal("one", SetValue(("spec", "word"), "ninety")), scene)
    assert changes(scene, plan) == {"app/values.yaml": ["-a150: eighty", "+a150: ninety"]}
    assert plan.tried <= 3


def test_a_value_that_the_template_changes_is_found_by_what_shows() -> None:
    """A key whose value is no part of the rendered one is found by marking it, where rendering is cheap."""
    template = "kind: Deployment\nmetadata:\n  name: web\nspec:\n  url: https://{{ host }}/{{ path }}\n"
    given = {
        "app/web.yaml": template,
        "app/values.yaml": "host: ''\npath: ''\nother: ''\n",
        "places/one/place.yaml": "templates: [app/web.yaml]\nvalues: [app/values.yaml]\n",
    }
    scene = Templater().scene(given, cheap=True)
    provenance = replace(scene.provenance_of("one", WEB), reach=(frozenset({"app/values.yaml"}),), layers=())
    scene = replace(scene, provenance={"one": {WEB: provenance}})
    plan = plan_of(goal("one", SetValue(("spec", "url"), "https://example.org/")), scene)
    assert changes(scene, plan) == {"app/values.yaml": ["-host: ''", "+host: 'example.org'"]}


def test_a_switch_is_turned_where_that_makes_the_value() -> None:
    """A block that a switch leaves out comes back with the switch, and with nothing else."""
    template = "kind: Deployment\nmetadata:\n  name: web\nspec:\n  big: {{ size.big }}\n"
    budget = "# if budget.enabled\nkind: Budget\nmetadata:\n  name: web\n"
    given = {
        "app/web.yaml": f"{template}\n---\n{budget}",
        "app/values.yaml": "size:\n  big: false\nbudget:\n  enabled: true\n",
        "places/one/place.yaml": "templates: [app/web.yaml]\nvalues: [app/values.yaml]\n",
    }
    scene = Templater().scene(given, cheap=True)
    plan = plan_of(goal("one", SetValue(("spec", "big"), True)), scene)
    assert changes(scene, plan) == {"app/values.yaml": ["-  big: false", "+  big: true"]}


def test_other_targets_are_rendered_only_for_candidates_that_work() -> None:
    """The goal's own target is rendered first; another one only for an edit that sets the value."""
    templater = Templater()
    scene = templater.scene(files())
    plan_of(goal("prod", SetValue(("metadata", "labels", "tier"), "back")), scene)
    assert templater.asked == [frozenset({"prod"})]


# -- what comes after --------------------------------------------------------------------------------------------------


def test_answers_are_remembered_by_the_contents_of_the_files() -> None:
    """The same goal about the same files renders nothing; another file of its target is asked about anew."""
    templater, plans = Templater(), Plans()
    scene = templater.scene(files())
    asked = goal("prod", SetValue(("spec", "replicas"), 5))
    first = plans.find(asked, scene)
    rendered = templater.rendered
    assert plans.find(asked, replace(scene)) is first
    assert templater.rendered == rendered
    other = templater.scene(files(**{"places/prod/values.yaml": "replicas: 3\nnew: 1\n"}))
    assert plans.find(asked, other) != first
    rendered = templater.rendered
    impossible = goal("prod", SetValue(("spec", "containers", 0, "name"), "web-2"))
    bare = replace(other, provenance={"prod": {WEB: Provenance(reach=(frozenset({"app/values.yaml"}),))}})
    assert isinstance(plans.find(impossible, bare), NoEdit)
    tried = templater.rendered - rendered
    assert isinstance(plans.find(impossible, bare), NoEdit)
    assert templater.rendered - rendered == 2 * tried


def test_the_next_goal_begins_where_the_last_one_ended() -> None:
    """A scene over the edited files renders the second edit on top of the first."""
    templater = Templater()
    scene = templater.scene(files())
    first = plan_of(goal("prod", SetValue(("spec", "replicas"), 5)), scene)
    tree = scene.tree.with_changes(dict(first.files))
    after = templater(tree, frozenset({"dev", "prod"}))
    assert after is not None
    second = plan_of(
        goal("prod", SetValue(("metadata", "labels", "tier"), "back")), replace(scene, tree=tree, objects=after)
    )
    assert second.files["places/prod/values.yaml"].startswith(b"replicas: 5\n")
    assert second.files["places/prod/values.yaml"].endswith(b"tier: back\n")
