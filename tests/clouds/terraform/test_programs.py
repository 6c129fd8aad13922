"""Programs that use `sst.providers`, deployed through the registry of clouds: real stages, and stage ``local``."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sst.cli.ui.plan import plan_lines
from sst.clouds.context import StageContext
from sst.clouds.registry import Clouds
from sst.clouds.settings import problems
from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.clouds.terraform.plugins import Plugins
from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.model import Op
from sst.core.target import Target
from sst.engine.apply import DeployResult
from sst.engine.deploy import deploy, remove
from sst.engine.plan import Plan, plan
from sst.errors import Problems, SstError, UserError
from sst.linkable import Linkable
from tests.fakes import MemoryJournal, agree


class Stage:
    """A stage of a project; ``local`` as the embedded one is."""

    def __init__(self, catalogue: Catalogue, *, local: bool = False, **defaults: Any) -> None:
        self.local, self.journal = local, MemoryJournal()
        self.clouds = Clouds(StageContext("app", "test", catalogue.root, "us-east-1", None, None, catalogue.environ,
                                          defaults=defaults, local=_no_cloud if local else None),
                             catalogue.root / "cache")
        self.graph = Graph("app", "test")

    @property
    def plugins(self) -> Plugins:
        return self.clouds.plugins

    def declare(self, program: Callable[[], object]) -> Graph:
        self.graph = Graph("app", "test", context=Context(Target("local" if self.local else "aws")))
        with self.graph.active():
            program()
            self.graph.seal()
        return self.graph

    def plan(self, program: Callable[[], object]) -> Plan:
        return plan(self.declare(program), self.journal.snapshot, self.registry())

    def deploy(self, program: Callable[[], object], **outputs: Any) -> DeployResult:
        graph = self.declare(program)
        self.journal = MemoryJournal(self.journal.snapshot)
        result = deploy(graph, self.journal, self.registry(), lambda e: None, confirm=agree, outputs=outputs)
        self.journal.verify()
        return result

    def remove(self) -> DeployResult:
        self.journal = MemoryJournal(self.journal.snapshot)
        return remove(Graph("app", "test"), self.journal, self.registry(), lambda e: None, confirm=agree)

    def registry(self) -> Any:
        made = self.clouds.registry("lineage")
        made.load(self.journal.snapshot)
        return made

    def state(self, name: str) -> Any:
        return next(s for s in self.journal.snapshot.resources.values() if s.urn.endswith(f"::{name}"))

    @property
    def warnings(self) -> list[str]:
        found: dict[str, None] = self.graph.context.once("warnings", dict)
        return list(found)


def _no_cloud() -> Any:
    raise AssertionError("no cloud is needed")


@pytest.fixture
def stage(project: Catalogue) -> Iterator[Stage]:
    made = Stage(project)
    yield made
    made.clouds.close()


@pytest.fixture
def local(project: Catalogue) -> Iterator[Stage]:
    made = Stage(project, local=True)
    yield made
    made.clouds.close()


def things(project: Catalogue) -> list[dict[str, Any]]:
    return [json.loads(f.read_text()) for f in Path(project.environ["FAKE_FOLDER"]).glob("*.json")]


def two() -> None:
    from sst.providers import fake

    one = fake.Thing("One", name="one", rule={"port": 1}, tags={"a": "b"})
    fake.Thing("Two", name=f"{one.zone}-two", label=one.url.apply(str.upper), protect=False)


def test_a_program_is_deployed_changed_and_removed(stage: Stage, project: Catalogue) -> None:
    stage.deploy(two).check()
    assert {t["name"] for t in things(project)} == {"one", "a-two"}
    assert stage.state("Two").inputs["label"] == "HTTPS://ONE.TEST" and stage.state("Two").provider == "fake"
    starts = stage.plugins.pool.starts
    stage.deploy(two).check()
    assert stage.plugins.pool.starts == starts, "nothing changed: no process"
    stage.remove().check()
    assert not things(project) and not stage.journal.snapshot.resources


def test_its_process_gets_no_variable_of_ours(stage: Stage, project: Catalogue) -> None:
    stage.plan(two)
    plugin, = stage.plugins.pool.running()
    environ = Path(f"/proc/{plugin._process.pid}/environ").read_text()
    assert "not for plugins" not in environ and "FAKE_FOLDER=" in environ


def test_import_forms(project: Catalogue) -> None:
    import sst.providers.fake
    from sst.providers.fake import data

    from sst.providers import aws, fake, local

    assert fake is sst.providers.fake and fake.Thing is fake.Thing and data.Lookup.type == "fake:data.Lookup"
    assert local.Command and aws.sqs, "those that come with sst"
    assert {"Thing", "Provider", "data"} <= set(dir(fake))
    assert fake.Thing.holds_data is False and fake.Thing.type == "fake:Thing"


@pytest.mark.parametrize(("declare", "message"), [
    (lambda f: f.Thing("A", nam="x"), "fake:Thing \"A\" has no option 'nam' (/"),
    (lambda f: f.Thing("A", size=1), "fake:Thing \"A\" needs 'name'"),
    (lambda f: f.Thing("A", name="x", ip="1"), "fake:Thing \"A\" has no option 'ip'"),
    (lambda f: f.Thing("A", name="x", size="many"), "fake:Thing: size: 'many' is not a number"),
    (lambda f: f.Thing("A", name="x", rule={"prot": 1}), "rule.prot: there is no such argument"),
    (lambda f: f.Thing("A", name="x", rule=[{"port": 1}, {"port": 2}]), "rule: at most 1 can be given, there are 2"),
    (lambda f: f.Thing("A", name="x", size=-1), "fake:Thing: size: size must be positive"),
    (lambda f: f.Thing("A", name="x", ignore_changes=["sizes"]), "has no property 'sizes' to ignore"),
    (lambda f: f.data.Lookup("A", nam="x"), "fake:data.Lookup \"A\" has no option 'nam'"),
    (lambda f: f.data.Lookup("A", name="x"), "can't be looked up: name: there is no thing named x"),
])
def test_each_mistake_is_told_with_its_place(stage: Stage, declare: Callable[[Any], object], message: str) -> None:
    def program() -> None:
        from sst.providers import fake

        declare(fake)

    with pytest.raises(SstError) as e:
        stage.plan(program)
    assert message in str(e.value) and "test_programs.py:" in str(e.value)


def test_an_unknown_type_says_what_was_meant(project: Catalogue) -> None:
    from sst.providers import fake

    with pytest.raises(AttributeError, match=r"sst\.providers\.fake has no resource 'Thingy'; did you mean .*Thing"):
        _ = fake.Thingy
    with pytest.raises(ImportError):
        from sst.providers import Upper  # noqa: F401


def test_a_misspelt_output_says_what_was_meant(stage: Stage) -> None:
    def program() -> None:
        from sst.providers import fake

        one, there = fake.Thing("One", name="one"), fake.data.Lookup("There", name="one")
        assert not hasattr(one, "_ip")
        with pytest.raises(AttributeError, match=r"^fake:Thing has no argument and no output 'zonee'; .* \"zone\"\?$"):
            _ = one.zonee
        with pytest.raises(AttributeError, match=r"^fake:data.Lookup has .* 'namme'; did you mean \"name\"\?$"):
            _ = there.namme

    stage.declare(program)


def test_a_data_source_is_read_at_the_plan_or_once_its_inputs_are_known(stage: Stage, project: Catalogue) -> None:
    def program() -> None:
        from sst.providers import fake

        one = fake.Thing("One", name="one")
        there = fake.data.Lookup("There", name=one.name, provider=None)
        late = fake.data.Lookup("Late", name=one.url.apply(lambda u: u.removeprefix("https://").split(".")[0]))
        fake.Thing("Two", name="two", label=f"{there.ip} {late.ip}")

    with pytest.raises(SstError, match="there is no thing named one"):
        stage.plan(program)      # its name is known, and it is not there yet: depends_on, or an output, defers it

    def deferred() -> None:
        from sst.providers import fake

        one = fake.Thing("One", name="one")
        late = fake.data.Lookup("Late", name=one.url.apply(lambda u: u.removeprefix("https://").split(".")[0]))
        fake.Thing("Two", name="two", label=f"{late.ip}")

    stage.deploy(deferred).check()
    assert stage.state("Two").inputs["label"] == "10.0.0.1" and stage.state("Late").read
    assert not stage.plan(deferred).changes
    stage.remove().check()


def test_an_instance_has_settings_of_its_own_from_outputs_and_secrets(project: Catalogue) -> None:
    stage = Stage(project, fake={"url": "https://default.test"})

    def program() -> None:
        from sst.providers import fake

        one = fake.Thing("One", name="one")
        other = fake.Provider("Other", url=one.url, token=one.token)
        fake.Thing("Two", name="two", provider=other)

    stage.deploy(program).check()
    seen = json.loads((Path(project.environ["FAKE_FOLDER"]) / "settings").read_text())["settings"]
    assert seen == {"url": "https://one.test", "token": stage.state("One").outputs["token"]}
    assert (stage.state("Two").provider, stage.state("One").provider) == ("fake::Other", "fake")
    assert "token" in stage.state("Other").secret
    assert not stage.plan(program).changes
    stage.remove().check()       # without the program: the state has the settings
    assert not things(project)
    stage.clouds.close()


def test_settings_are_checked_and_a_refusal_is_an_error_of_the_plan(project: Catalogue) -> None:
    assert [str(p) for p in problems("fake", {"ulr": "x"})] == [
        'providers: fake: ulr: there is no such argument; did you mean "url"?']
    assert not list(problems("fake", {"url": "x", "local": "real", "env": {"A": "b"}, "version": "~> 1.0"}))
    assert not list(problems("fake", "~> 1.0"))
    assert "local of fake can't be 'reel'" in str(next(problems("fake", {"local": "reel"})))
    assert "did you mean" in str(next(problems("fak", {})))
    stage = Stage(project, fake={"token": "wrong"})
    with pytest.raises(UserError, match="provider fake: token: the token is not valid"):
        stage.plan(two)
    stage.clouds.close()


class TestLocal:
    """Nothing is called: there is no process, and the simulated cloud holds nothing."""

    def test_resources_exist_in_the_state_alone(self, local: Stage, project: Catalogue) -> None:
        local.plugins.types("fake")     # its schema is cached now
        log = Path(project.environ["FAKE_FOLDER"]) / "log"
        log.unlink(missing_ok=True)
        local.deploy(two).check()
        assert not log.exists() and not things(project) and not local.plugins.pool.starts
        one = local.state("One")
        assert (one.id, one.private) == ("local-One", "simulated")
        assert (one.outputs["ip"], one.outputs["serial"]) == ("local-One-ip", 0)
        assert local.state("Two").inputs["label"] == "HTTPS://LOCAL.INVALID/ONE/URL"
        assert not local.plan(two).changes
        local.remove().check()

    def test_cached_schemas_are_enough_for_it(self, project: Catalogue) -> None:
        project.schemas("fake")
        activate(Catalogue(project.root, {**project.environ, "SST_PROVIDER_DIR": "/nowhere"}))
        away = Stage(project, local=True)
        away.deploy(two).check()
        with pytest.raises(UserError, match="is not installed"):
            Stage(project).plan(two)
        away.clouds.close()

    def test_the_plan_says_that_they_are_simulated(self, local: Stage) -> None:
        lines = ["".join(text for text, _ in line) for line in plan_lines(local.plan(two))]
        assert lines == ["+ One  fake:Thing  simulated", "+ Two  fake:Thing  simulated"]

    def test_arguments_are_checked_all_the_same(self, local: Stage) -> None:
        def program() -> None:
            from sst.providers import fake

            fake.Thing("A", name="x", rule={"port": "x"})

        with pytest.raises(UserError, match=r"rule\.port: 'x' is not a number"):
            local.plan(program)

    def test_they_become_real_when_the_provider_is_called_and_never_back_unseen(self, local: Stage,
                                                                             project: Catalogue) -> None:
        local.deploy(two).check()
        real = Stage(project, local=True, fake={"local": "real"})
        real.journal = local.journal
        assert {(s.op, s.reason) for s in real.plan(two).changes} >= {(Op.REPLACE, "its simulation")}
        real.deploy(two).check()
        assert len(things(project)) == 2 and not real.plan(two).changes
        local.journal = real.journal
        with pytest.raises(SstError, match="was created for real"):
            local.plan(two)
        real.remove().check()
        real.clouds.close()

    def test_a_data_source_gives_placeholders(self, local: Stage) -> None:
        def program() -> None:
            from sst.providers import fake

            there = fake.data.Lookup("There", name="legacy")
            fake.Thing("One", name="one", label=there.ip)

        local.deploy(program).check()
        assert local.state("One").inputs["label"] == "local-legacy-ip"


def foreign() -> None:
    """SST's own example of several providers."""
    from sst.providers import stripe, vercel

    team = vercel.Provider("Team", api_token="t0ken")
    vercel.Project("MyFrontend", name="my-nextjs-app", provider=team)
    product = stripe.Product("MyProduct", name="SST Paid Plan", description="This is how SST makes money")
    Linkable.of(product, "Product", properties={"id": product.id, "image": product.image_url})


class TestNotInstalled:
    """Neither in ``sst.lock`` nor on this machine."""

    def test_on_stage_local_anything_is_taken_with_one_warning_a_provider(self, local: Stage) -> None:
        local.deploy(foreign).check()
        assert (local.state("MyProduct").id, local.state("MyProduct").inputs["name"]) == ("local-MyProduct",
                                                                                         "SST Paid Plan")
        assert local.state("Team").secret == ("api_token",) and local.state("MyFrontend").provider == "vercel::Team"
        assert len(local.warnings) == 2
        assert "stripe is not installed" in local.warnings[1] and local.warnings[1].endswith("sst add stripe")
        assert not local.plan(foreign).changes
        local.remove().check()

    def test_one_that_is_locked_and_out_of_reach_is_simulated_too(self, project: Catalogue,
                                                                         tmp_path: Path) -> None:
        away = {**project.environ, "SST_PROVIDER_DIR": "/nowhere", "HTTPS_PROXY": "http://127.0.0.1:9",
                "XDG_CACHE_HOME": str(tmp_path / "empty")}
        activate(Catalogue(project.root, away, simulates=True))
        stage = Stage(project, local=True)
        stage.deploy(two).check()
        assert "fake is not installed" in stage.warnings[0] and stage.warnings[0].endswith("sst install")
        with pytest.raises(UserError, match="is not installed, and"):
            Stage(project, local=True, fake={"local": "real"}).plan(two)

    def test_on_every_other_stage_it_is_refused(self, stage: Stage) -> None:
        with pytest.raises(Problems) as e:
            stage.plan(foreign)
        assert 'vercel:Project: sst.lock has no provider "vercel"' in str(e.value) and "sst add vercel" in str(e.value)

    def test_in_ci_a_lock_has_to_be_whole(self, project: Catalogue) -> None:
        activate(Catalogue(project.root, {**project.environ, "CI": "true"}))
        with pytest.raises(Problems, match="has no provider"):
            Stage(project, local=True).plan(foreign)

    def test_what_a_state_holds_needs_its_provider(self, stage: Stage, project: Catalogue) -> None:
        stage.deploy(two).check()
        (project.root / "sst.lock").write_text("version = 1\n")
        activate(Catalogue(project.root, project.environ))
        with pytest.raises(UserError, match=r"sst\.lock has no provider 'fake'") as e:
            stage.remove()
        assert e.value.hint == "sst add fake"
