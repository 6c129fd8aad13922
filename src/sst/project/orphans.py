"""Things in the cloud that carry this stage's tags and are in no state: what was lost sight of, by whatever way."""
from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.model import Snapshot
from ..errors import Failure, SstError, UserError
from .run import Run, locked
from .world import World

if TYPE_CHECKING:
    from ..clouds.aws.orphans import TaggedResource
    from ..clouds.aws.provider import AwsProvider

__all__ = ["Cleanup", "Orphans", "find_orphans", "remove_orphans"]


@dataclass(frozen=True, slots=True)
class Orphans:
    """``own`` carry this state's lineage; ``others`` that of another state of the same app and stage (a deleted or a
    colleague's one)."""

    lineage: str
    own: tuple[TaggedResource, ...]
    others: tuple[TaggedResource, ...]


@dataclass(frozen=True, slots=True)
class Cleanup:
    """What was deleted, what was left because it holds data, and what failed."""

    deleted: tuple[TaggedResource, ...]
    kept: tuple[TaggedResource, ...]
    failures: tuple[Failure, ...]


def find_orphans(world: World) -> Orphans:
    """List them. Takes no lock and changes nothing.

    Only what has the tags of this app and stage is looked at, so another tool's things never show. A thing of this
    lineage is an orphan if no resource of the state has its id, and no operation that has not ended is about it.
    """
    world.ask_account()
    snapshot = world.stage.load()
    world.check_account(snapshot)
    lineage = str(snapshot.meta.get("lineage", ""))
    return _found(world, snapshot, _provider(world, lineage))


def remove_orphans(world: World, run: Run, *, lineage: str, allow: Collection[str],
                   agree: Callable[[Sequence[TaggedResource]], None]) -> Cleanup:
    """Delete the orphans of this lineage, or those of another one that ``lineage`` names, under the lock.

    Things that hold data are left unless ``allow`` names them. Raises ``UserError`` if nothing carries the lineage.
    """
    from ..clouds.aws.orphans import delete

    world.ask_account()
    with locked(world, "orphans", run) as session:
        world.check_account(session.snapshot)
        provider = _provider(world, session.lineage)
        found = _found(world, session.snapshot, provider)
        if lineage and lineage != found.lineage and all(c.lineage != lineage for c in found.others):
            known = sorted({c.lineage for c in found.others})
            raise UserError(f'nothing of this app and stage carries the lineage "{lineage}"',
                            hint=f"there is {', '.join(known)}" if known else "")
        chosen = ([c for c in found.others if c.lineage == lineage] if lineage and lineage != found.lineage
                  else list(found.own))
        kept = [c for c in chosen if c.holds_data and not {c.name, c.name.partition("/")[0], c.id} & set(allow)]
        todo = [c for c in chosen if c not in kept]
        if todo:
            agree(todo)
        failures, deleted = [], []
        for resource in todo:
            session.check()
            try:
                delete(provider, resource, run.warn)
                deleted.append(resource)
            except SstError as e:
                failures.append(Failure(resource.urn, resource.name, resource.type, "delete", "", e))
    return Cleanup(tuple(deleted), tuple(kept), tuple(failures))


def _provider(world: World, lineage: str) -> AwsProvider:
    from ..clouds.aws.provider import AwsProvider

    p = world.project
    return AwsProvider(world.aws, app=p.name, stage=p.stage, lineage=lineage)


def _found(world: World, snapshot: Snapshot, provider: AwsProvider) -> Orphans:
    from ..clouds.aws.orphans import find_tagged
    from ..clouds.aws.verbs import urn_tag

    states = (*snapshot.resources.values(), *snapshot.deposed.values())
    known = {(s.type, s.id) for s in states}
    begun = {urn_tag(p.urn) for p in snapshot.pending.values()}
    tagged = [c for c in find_tagged([provider]) if (c.type, c.id) not in known]
    own = tuple(c for c in tagged if c.lineage == provider.lineage and c.urn not in begun)
    return Orphans(provider.lineage, own, tuple(c for c in tagged if c.lineage != provider.lineage))
