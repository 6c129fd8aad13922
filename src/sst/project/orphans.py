"""Things in the cloud that carry this stage's tags and are in no state: what was lost sight of, by whatever way."""
from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..clouds.tagged import TaggedResource
from ..core.model import Snapshot
from ..errors import Failure, SstError, UserError
from .backend import Backend
from .run import Run, locked

if TYPE_CHECKING:
    from ..clouds.registry import Registry

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


def find_orphans(backend: Backend) -> Orphans:
    """List them. Takes no lock and changes nothing.

    Only what has the tags of this app and stage is looked at, so another tool's things never show. A thing of this
    lineage is an orphan if no resource of the state has its id, and no operation that has not ended is about it.
    """
    backend.ask_account()
    snapshot = backend.stage.load()
    backend.identify(snapshot, sure=True)
    return _found(snapshot, backend.registry(snapshot), str(snapshot.meta.get("lineage", "")))


def remove_orphans(backend: Backend, run: Run, *, lineage: str, allow: Collection[str],
                   agree: Callable[[Sequence[TaggedResource]], None]) -> Cleanup:
    """Delete the orphans of this lineage, or those of another one that ``lineage`` names, under the lock.

    Things that hold data are left unless ``allow`` names them, and on a protected stage in any case. Raises
    ``UserError`` if nothing carries the lineage.
    """
    backend.ask_account()
    with locked(backend, "orphans", run) as session:
        backend.identify(session.snapshot, sure=True)
        registry = backend.registry(session.snapshot, session=session)
        found = _found(session.snapshot, registry, session.lineage)
        if lineage and lineage != found.lineage and all(c.lineage != lineage for c in found.others):
            known = sorted({c.lineage for c in found.others})
            raise UserError(f'nothing of this app and stage carries the lineage "{lineage}"',
                            hint=f"there is {', '.join(known)}" if known else "")
        chosen = ([c for c in found.others if c.lineage == lineage] if lineage and lineage != found.lineage
                  else list(found.own))
        allowed = frozenset[str]() if backend.project.config.protect else frozenset(allow)
        kept = [c for c in chosen if c.holds_data and not {c.name, c.name.partition("/")[0], c.id} & allowed]
        todo = [c for c in chosen if c not in kept]
        if todo:
            agree(todo)
        failures, deleted = [], []
        for resource in todo:
            session.check()
            try:
                registry.delete_tagged(resource, run.warn)
                deleted.append(resource)
            except SstError as e:
                failures.append(Failure(resource.urn, resource.name, resource.type, "delete", "", e))
    return Cleanup(tuple(deleted), tuple(kept), tuple(failures))


def _found(snapshot: Snapshot, registry: Registry, lineage: str) -> Orphans:
    states = (*snapshot.resources.values(), *snapshot.deposed.values())
    known = {(s.type, s.id) for s in states}
    begun = {registry.tag_of(p.urn) for p in snapshot.pending.values()}
    tagged = [c for c in registry.tagged() if (c.type, c.id) not in known]
    own = tuple(c for c in tagged if c.lineage == lineage and c.urn not in begun)
    return Orphans(lineage, own, tuple(c for c in tagged if c.lineage != lineage))
