"""A former version of the state as the newest one: what it holds, what newer versions know besides, and nothing of it
believed before the cloud was asked."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.model import Snapshot, State, deposed_key

__all__ = ["restored"]

Identity = tuple[str, str, str]


def restored(before: Snapshot, newer: Sequence[Snapshot]) -> Snapshot:
    """``before`` brought back over the versions that came after it, the newest first.

    Every resource is unseen, so the next command that may change the cloud reads it first: what is gone leaves the
    state, the rest is sent again in full. A resource that both know keeps what the newer version learned of its
    settings, and depends on what it uses now. One that only a newer version knows is kept: under its own name, or as
    one that was replaced where ``before`` has another resource of that name.
    """
    live: dict[Identity, State] = {}
    left: dict[Identity, State] = {}
    uses: dict[Identity, list[Identity]] = {}
    for snapshot in newer:
        for s in snapshot.resources.values():
            if (identity := s.identity) not in left and identity not in live:
                live[identity] = s
                if not s.retained:
                    uses[identity] = [snapshot.resources[d].identity for d in s.deps]
        for s in snapshot.deposed.values():
            if s.identity not in live:
                left.setdefault(s.identity, replace(s, unseen=False))
    resources = {u: _merged(s, live.pop(s.identity, None) or left.pop(s.identity, None))
                 for u, s in before.resources.items()}
    former = {k: replace(s, unseen=False) if k in left else _merged(s, live.pop(k, None))
              for k, s in ((s.identity, s) for s in before.deposed.values())}
    successors: list[State] = []
    for s in live.values():
        if s.urn not in resources:
            resources[s.urn] = replace(s, unseen=not s.read)
        elif not s.read:
            successors.append(replace(s, unseen=True))
    deposed = [*successors, *former.values(), *(s for k, s in left.items() if k not in former)]
    homes = {s.identity: s.urn for s in (*(s for s in deposed if not s.retain), *resources.values())}

    def linked(s: State) -> State:
        now = uses.get(s.identity)
        deps = s.deps if now is None or s.retained else [homes.get(u, "") for u in now]
        return replace(s, deps=tuple(sorted({d for d in deps if d in resources and d != s.urn})))

    return replace(before, resources={u: linked(s) for u, s in resources.items()},
                   deposed={deposed_key(s): linked(s) for s in deposed},
                   pending=dict(newer[0].pending if newer else before.pending), meta=_meta(before, newer))


def _merged(s: State, newer: State | None) -> State:
    if s.read:
        return s
    if newer is None or newer.read:
        return replace(s, unseen=True)
    return replace(
        newer, urn=s.urn, inputs={**s.inputs, **newer.inputs}, outputs={**s.outputs, **newer.outputs}, deps=s.deps,
        parent=s.parent, stack=s.stack, where=s.where, base=s.base, protect=s.protect, retain=s.retain,
        retained=s.retained, secret=tuple(sorted({*s.secret, *newer.secret})), fingerprint="", unseen=True)


def _meta(before: Snapshot, newer: Sequence[Snapshot]) -> Mapping[str, Any]:
    """That of the former version, and where the instances of all versions are."""
    providers: dict[str, Any] = {}
    for snapshot in (*reversed(newer), before):
        providers |= snapshot.meta.get("providers", {})
    return {**before.meta, **({"providers": providers} if providers else {})}
