"""Which provider manages a resource: the one place that knows the clouds by name.

    clouds = Clouds(context)
    providers = clouds.registry(lineage, guard=session.check)
    providers.load(session.snapshot)
    plan(graph, session.snapshot, providers)
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from ..core.cost import Pricing
from ..core.graph import Graph
from ..core.model import Goal, Operation, Snapshot, State
from ..core.provider import Note, Provider
from ..core.resource import Resource, cloud_of
from ..errors import InternalError, UserError
from .context import StageContext
from .instances import SELF, Instances
from .invocation import Answer, Line
from .local.artefacts import Artefacts
from .schedule import Schedule
from .tagged import TaggedResource

if TYPE_CHECKING:
    from ..core.picture import Picture
    from .aws.bastion import Bastion
    from .aws.cloud import AwsCloud
    from .aws.functions import Functions
    from .aws.provider import AwsProvider
    from .aws.task_gateway import TaskGateway
    from .terraform.plugins import Plugins

__all__ = ["Answer", "Clouds", "Line", "Registry", "has_type", "keep_still", "schedules_of",
           "type_names"]

def schedules_of(graph: Graph) -> list[Schedule]:
    """The schedules that a program declares."""
    from .aws.schedules import schedules_of

    return schedules_of(graph)


def type_names() -> list[str]:
    """The resource types of the built-in clouds."""
    from .aws.rows import all_rows

    return list(all_rows())


def keep_still(graph: Graph) -> None:
    """Deploy all schedules of a program disabled."""
    from .aws.schedules import keep_still

    keep_still(graph)


def has_type(type: str) -> bool:
    """Whether there is a resource type of this name; rows of AWS are loaded when they are first asked for."""
    if type not in Resource.kinds and type.startswith("aws.") and type.count(".") == 2:
        from .aws.rows import row

        with suppress(ImportError, InternalError):
            row(type)
    return type in Resource.kinds


class Clouds:
    """What this stage's clouds need for longer than one command: connections, caches. Opened when first used."""

    def __init__(self, context: StageContext, cache: Path) -> None:
        self.context = context
        self.artefacts = Artefacts(context.root, cache)
        self._aws: AwsCloud | None = None
        self._plugins: Plugins | None = None
        self._lock = RLock()

    @property
    def aws(self) -> AwsCloud:
        with self._lock:
            if self._aws is None:
                from .aws.cloud import AwsCloud

                self._aws = AwsCloud(self.context, self.artefacts.file_of)
            return self._aws

    @property
    def plugins(self) -> Plugins:
        with self._lock:
            if self._plugins is None:
                from .terraform.plugins import Plugins

                self._plugins = Plugins(self.context, self.environment)
            return self._plugins

    @property
    def counts(self) -> dict[str, int]:
        """Requests till now, by ``sqs.create_queue``. A cloud that nobody needed was asked nothing."""
        return self._aws.counts if self._aws else {}

    def ask(self) -> None:
        """Begin to ask who these credentials are, while other things are read."""
        self.aws.ask_account()

    def identify(self, used: Iterable[str], *, sure: bool = False) -> dict[str, dict[str, str]]:
        """The account and region of each default instance that manages one of these types, by reference. Raises
        ``UserError`` for one that the config does not allow. What needs no account is not asked for one."""
        wanted = sure or self.context.account or any(cloud_of(t) == "aws" for t in used)
        return {"aws": self.aws.identity()} if wanted else {}

    def environment(self) -> dict[str, str]:
        """What a process needs to reach the same cloud as the stage: on stage ``local`` also its endpoint and keys."""
        return self.aws.environment()

    def connection(self) -> Any:
        """How the default account is reached: endpoints, credentials, proxies."""
        return self.aws.client.settings

    def lookups(self) -> Any:
        """What components may ask of the account while they are declared."""
        from .aws.lookup import Lookups

        return Lookups(lambda: self.aws.client, lambda: self.aws.identity()["account"])

    def state_calls(self, region: str) -> Callable[[str, str, Mapping[str, Any]], dict[str, Any]]:
        """Calls for a state that is kept in the account, in this region."""
        return lambda service, operation, params: self.aws.state_call(region, service, operation, params)

    def registry(self, lineage: str, *, guard: Callable[[], None] | None = None, exact: bool = False) -> Registry:
        """The providers for one command. ``guard`` raises once the stage's lock is lost, and is asked before each call.
        With ``exact`` only the artefacts that were planned will do."""
        return Registry(self, lineage, guard, exact)

    def end_plugins(self) -> None:
        """End the processes of providers; they start again when they are needed."""
        if self._plugins:
            self._plugins.close()

    def forget(self) -> None:
        """The cloud on this machine was stopped, or has died: open it again when it is needed next."""
        with self._lock:
            if self._aws:
                self._aws.close()

    def close(self) -> None:
        self.forget()
        self.end_plugins()


class Registry:
    """Gives the provider of a goal, a state or an operation, by its reference: ``aws``, or ``aws::Us`` for an instance
    that the program declares."""

    def __init__(self, clouds: Clouds, lineage: str, guard: Callable[[], None] | None, exact: bool) -> None:
        self._clouds, self._lineage, self._guard, self._exact = clouds, lineage, guard, exact
        self.instances = Instances(self._identify, clouds)
        self._providers: dict[str, Provider] = {SELF: self.instances}
        self._lock = RLock()

    def load(self, snapshot: Snapshot) -> None:
        """Remember the settings of the instances that the state holds, and what artefacts were made from."""
        self.instances.load(snapshot)
        self._clouds.artefacts.load(snapshot)

    def __call__(self, item: Goal | State | Operation) -> Provider:
        if found := self._providers.get(item.provider):
            return found
        own: Provider | None = getattr(Resource.kinds.get(item.type), "provider", None)
        if isinstance(own, Provider):
            return own
        if ":" in item.type:
            return self._plugin(item.provider)
        try:
            return self.named(item.provider)
        except KeyError:
            raise UserError(f"no provider knows the type {item.type}", where=item.where,
                            hint="the state holds it, but no module that sst_config.py imports declares it: put the "
                                 "import back, at the top level of a module") from None

    def monthly(self, state: State) -> Pricing | None:
        """The fixed charges of a resource; None if it has none that are known. Starts no plugin."""
        return None if ":" in state.type else self(state).schema(state.type).monthly

    def named(self, reference: str) -> Provider:
        """The provider with this reference; ``KeyError`` if it is of no built-in cloud."""
        with self._lock:
            if reference not in self._providers:
                self._providers[reference] = self._made(reference)
            return self._providers[reference]

    def _made(self, reference: str) -> Provider:
        match reference.partition("::")[0]:
            case "aws":
                return self._clouds.aws.provider(reference, lambda: self.instances.settings(reference),
                                                 lineage=self._lineage, guard=self._guard)
            case "local":
                from .local.provider import LocalProvider

                return LocalProvider(self._clouds.artefacts, environ=self._clouds.context.environ, exact=self._exact)
        raise KeyError(reference)

    def _plugin(self, reference: str) -> Provider:
        """The provider of a plugin's resources, whose types have a colon."""
        with self._lock:
            if reference not in self._providers:
                plugins, name = self._clouds.plugins, reference.partition("::")[0]

                def settings() -> Mapping[str, Any] | None:
                    return self.instances.known(reference) if "::" in reference else plugins.default_settings(name)

                self._providers[reference] = plugins.provider(reference, settings)
            return self._providers[reference]

    def _identify(self, reference: str, settings: Mapping[str, Any]) -> dict[str, str]:
        return self._clouds.aws.identity(reference, settings)

    @property
    def functions(self) -> Functions:
        """Calls deployed functions and reads their logs."""
        from .aws.functions import Functions

        aws, settings = self._clouds.aws, self.instances.settings
        return Functions(lambda state: aws.checked(state.provider, settings(state.provider)) if state else aws.client)

    def function_named(self, snapshot: Snapshot, name: str) -> State:
        from .aws.functions import function_named

        return function_named(snapshot, name)

    def gateways(self, snapshot: Snapshot) -> list[Bastion | TaskGateway]:
        """The instances and tasks through which this machine reaches the private addresses of the deployed networks."""
        from .aws.bastion import gateways_of

        aws, settings = self._clouds.aws, self.instances.settings
        return gateways_of(snapshot, lambda state: aws.checked(state.provider, settings(state.provider)))

    def closed_networks(self, snapshot: Snapshot) -> dict[str, frozenset[str]]:
        """The deployed networks without such a way, and the names of the components in each."""
        from .aws.bastion import closed_networks

        return closed_networks(snapshot)

    def tagged(self) -> list[TaggedResource]:
        """What carries the tags of this app and stage in any of its accounts and regions. Raises ``ProviderError``
        where a list is refused: then it can't be told what there is."""
        from .aws.orphans import find_tagged

        return find_tagged(list(self._aws_providers()))

    def tag_of(self, urn: str) -> str:
        """The URN as tags have it."""
        from .aws.verbs import urn_tag

        return urn_tag(urn)

    def delete_tagged(self, resource: TaggedResource, note: Note) -> None:
        """Delete it, and first the parts of it that would be in the way."""
        from .aws.orphans import delete

        for provider in self._aws_providers():
            if (provider.aws.account(), provider.aws.region) == (resource.account, resource.region):
                return delete(provider, resource, note)
        raise InternalError(f"{resource.id} is in {resource.account} {resource.region}, which nothing manages")

    def _aws_providers(self) -> Iterator[AwsProvider]:
        from .aws.provider import AwsProvider

        for reference in ("aws", *self.instances.references("aws")):
            found = self.named(reference)
            assert isinstance(found, AwsProvider)
            yield found

    def picture(self, snapshot: Snapshot) -> Picture:
        """What the app consists of, by each provider that manages a part of it."""
        from ..core.picture import Picture

        providers = {id(p): p for p in (self(state) for state in snapshot.resources.values())}
        drawn: dict[type[Provider], Provider] = {type(p): p for p in providers.values()}
        return sum((p.picture(snapshot) for p in drawn.values()), Picture())

    def use_of(self, service: str, action: str) -> str:
        """Whether a recorded call reads or writes data: ``read``, ``write`` or ""."""
        from .aws.browse.use import use_of

        return use_of(f"{service}:{action}")

    def close(self) -> None:
        for provider in list(self._providers.values()):
            provider.close()
        self._clouds.end_plugins()
