"""Resources in the account that carry the tags of this app and stage, whether a state knows them or not.

Each service lists its resources (the ``listing`` column of a row); their tags come from the account's list of tags.
Parts of something else (a role's policies, an API's routes) carry no tags of their own and are deleted with their
parent. Schedules can't be tagged, and are not found.
"""
from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...core.model import State
from ...core.provider import Note
from ...errors import ProviderError, Throttled
from ..tagged import TaggedResource
from .columns import Listing
from .provider import AwsProvider
from .reading import tagged
from .rows import all_rows
from .table import AwsResource, fill
from .verbs import Verbs, quiet

__all__ = ["delete", "find_tagged", "listed_types"]

_TOGETHER = 16


def listed_types() -> list[str]:
    """Types that can be listed, in the order in which they can be deleted."""
    listed = [(k.listing.order, t) for t, k in all_rows().items() if k.listing]
    return [t for _, t in sorted(listed)]


def find_tagged(providers: Sequence[Verbs], types: Iterable[str] | None = None) -> list[TaggedResource]:
    """All resources of these types, in the account and region of each provider, that carry the tags of its app and
    stage.

    One call for each page of a list. The tags come from the Resource Groups Tagging API, a hundred things a call; it
    may be some minutes behind. Of types that it does not show, and where it is refused, each thing whose list does not
    show its tags is asked. What a service lists for the whole account is listed once an account. Raises
    ``ProviderError`` where a list is refused: then it can't be told what there is. A list that another region keeps is
    empty if an organisation denies that region: the app can have made nothing there.
    """
    rows = [all_rows()[t] for t in (listed_types() if types is None else types)]
    found: dict[tuple[str, str, str, str], TaggedResource] = {}
    accounts: set[str] = set()
    for provider in providers:
        account = provider.aws.account()
        some = [k for k in rows if k.listing and not (k.listing.account_wide and account in accounts)]
        accounts.add(account)
        for one in _found(provider, some):
            found.setdefault((one.account, one.type, one.id, one.urn), one)
    order = {k.type: i for i, k in enumerate(rows)}
    return sorted(found.values(), key=lambda one: order[one.type])


def _found(provider: Verbs, rows: Sequence[type[AwsResource]]) -> list[TaggedResource]:
    tags = _Tags(provider) if any(k.listing and k.listing.arn for k in rows) else None
    with ThreadPoolExecutor(_TOGETHER, thread_name_prefix="sst-orphans") as pool:
        listed = pool.map(lambda k: [(k, item) for item in _listed(provider, k)], rows)
        found = pool.map(lambda pair: _tagged(provider, pair[0], pair[1], tags),
                         [pair for some in listed for pair in some])
        return [one for one in found if one]


class _Tags:
    """The account's list of tags, as far as it can be trusted: for types that it surely has, or of which it shows
    one."""

    def __init__(self, provider: Verbs) -> None:
        self.tags: Mapping[str, Mapping[str, str]] | None = None
        with contextlib.suppress(ProviderError):
            self.tags = tagged(provider)
        self.shown = {_kind(arn) for arn in self.tags or ()}

    def of(self, how: Listing, variables: Mapping[str, Any]) -> Mapping[str, str] | None:
        """A resource's tags, none if it is not listed; None if the list does not tell."""
        arn = str(fill(how.arn, variables))
        if self.tags is None or not how.arn or not (how.complete or _kind(arn) in self.shown):
            return None
        return self.tags.get(arn, {})


def _kind(arn: str) -> tuple[str, str]:
    """Service and first word of the resource: what kind of thing it names."""
    parts = arn.split(":", 5)
    return parts[2], re.split("[:/]", parts[-1])[0]


def _listed(provider: Verbs, kind: type[AwsResource]) -> list[dict[str, Any]]:
    how = kind.listing
    assert how
    known = {"region": provider.aws.region}
    if not how.each[0]:
        return _pages(provider, kind, how.op, how.items, fill(how.params, known))
    places = _pages(provider, kind, how.each[0], how.each[1], {})
    return [item for place in places
            for item in _pages(provider, kind, how.op, how.items, fill(how.params, {**known, **place}))]


def _pages(provider: Verbs, kind: type[AwsResource], op: str, path: str, params: dict[str, Any]
           ) -> list[dict[str, Any]]:
    import jmespath

    how = kind.listing
    assert how
    items: list[dict[str, Any]] = []
    while True:
        try:
            answer = provider.aws.call(kind.service, op, params, region=how.region or None)
        except ProviderError as e:
            if how.region not in ("", provider.aws.region) and "explicit deny" in e.message:
                return []
            raise
        items += jmespath.search(path, answer) or []
        more = how.page[0] and answer.get("IsTruncated", True)
        mark = jmespath.search(how.page[0], answer) if more else None
        if not mark:
            return items
        params[how.page[1]] = mark


def _tagged(provider: Verbs, kind: type[AwsResource], item: Mapping[str, Any],
            listed: _Tags | None) -> TaggedResource | None:
    how = kind.listing
    assert how
    name = {"name": re.split("[/:]", item[how.name_from])[-1]} if how.name_from else {}
    known = {"region": how.region} if how.region else {}
    variables = provider.variables(kind, {**item, **name, **known}, {})
    tags: Mapping[str, str] | None = kind.tags_in(item, shown=True)
    if how.tags and (tags := listed.of(how, variables) if listed else None) is None:
        try:
            tags = kind.tags_in(provider.aws.call(kind.service, how.tags.op, fill(how.tags.params, variables),
                                                     region=how.region or None), shown=True)
        except Throttled:
            raise
        except ProviderError as e:
            if e.status >= 500 or not e.status:
                raise
            return None  # gone meanwhile, in another region, or not ours to see
    tags = tags or {}
    if (tags.get("sst:app"), tags.get("sst:stage")) != (provider.app, provider.stage) or not tags.get("sst:lineage"):
        return None
    return TaggedResource(kind.type, str(fill(kind.identifier, variables)), tags.get("sst:urn", ""),
                          tags["sst:lineage"],
                          kind.holds_data, variables["account"], variables["region"],
                          {k: v for k, v in variables.items() if v is not None})


def delete(provider: AwsProvider, resource: TaggedResource, note: Note) -> None:
    """Delete it, and first the parts of it that would be in the way. S3 refuses to delete a bucket with objects."""
    kind = all_rows()[resource.type]
    known = {"region": kind.listing.region} if kind.listing and kind.listing.region else {}
    there = provider.read(State(resource.urn, resource.type, resource.id, known))
    if there is None:
        return
    for part in kind.listing.parts if kind.listing else ():
        import jmespath

        answer = provider.send(kind, part.list, resource.values, {}, quiet)
        for item in jmespath.search(part.items, answer) or ():
            provider.send(kind, part.delete, {**resource.values, **item}, {}, quiet)
    values = {**(there.inputs or {}), **known}
    provider.delete(State(resource.urn, resource.type, resource.id, values, {**resource.values, **there.outputs}), note)
