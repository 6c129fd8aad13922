"""What a thing is like in the cloud now, beside what the state says: its read, further reads, its tags and its
fingerprints."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.model import State
from ...core.provider import Result
from ...errors import ProviderError, Throttled
from .columns import Call
from .table import AwsResource
from .verbs import Verbs

__all__ = ["listed_tags", "read", "tagged"]

Tags = dict[str, str]
_WORTH = 4
"""So many calls for the tags of one thing each are made before one for the tags of all is."""


def read(provider: Verbs, kind: type[AwsResource], state: State, listed: Mapping[str, Tags]) -> Result | None:
    """The thing as it is; None if it is gone. ``listed`` has tags by ARN, as far as they are known already.

    ``Result.inputs`` are the state's, with other values for what differs: None for what is not set any more.
    """
    if kind.read is None:
        return Result(state.id, state.outputs)
    told = {} if state.inputs else kind.fields_of(state.id)
    known = provider.variables(kind, {**told, **state.values}, {"id": state.id, "urn": state.urn})
    answer = provider.ask(kind, kind.read, known)
    if answer is None:
        return None
    if kind.extra_reads:
        answer |= _more(provider, kind, {**known, **kind.outputs(provider, answer, known)}, state.inputs)
    seen = kind.inputs_from(answer)
    if not state.inputs:      # a thing to take over: all that can be told of it
        seen = {**{k: v for k, v in told.items() if k in kind.props},
                **{k: v for k, v in seen.items() if v is not None}}
        shown = {k: v for k, v in told.items() if k in kind.outs}
        return Result(state.id, {**shown, **kind.outputs(provider, answer, {**known, **seen})}, seen)
    outputs = {**state.outputs, **kind.outputs(provider, answer, known)}
    seen = {k: v for k, v in seen.items() if k in state.inputs and not kind.equal(k, state.inputs[k], v)}
    seen |= _uploaded(kind, state, outputs)
    if kind.tagging and kind.tagging.add:
        seen |= _tags(provider, kind, state, answer, known, listed)
    return Result(state.id, outputs, {**state.inputs, **seen})


def _more(provider: Verbs, kind: type[AwsResource], known: Mapping[str, Any],
          inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of the further reads that are needed. One that is not allowed tells nothing."""
    made = {}
    for name, c in kind.extra_reads.items():
        wanted = {k for k, p in kind.props.items() if (p.read or "").startswith(f"{name}.")}
        if (not inputs or wanted & inputs.keys()) and (answer := _allowed(provider, kind, c, known)) is not None:
            made[name] = answer
    return made


def _allowed(provider: Verbs, kind: type[AwsResource], c: Call, known: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer, empty where there is nothing of the kind; None if the credentials may not ask."""
    try:
        return provider.ask(kind, c, known) or {}
    except ProviderError as e:
        if e.status != 403 and "AccessDenied" not in e.code:
            raise
        return None


def _uploaded(kind: type[AwsResource], state: State, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What was uploaded by others: no read shows it, but its fingerprint changes. Recorded, the fingerprint stands in
    its place."""
    seen: dict[str, Any] = {}
    for k, o in kind.fingerprints.items():
        ours, there = state.outputs.get(o), outputs.get(o)
        if k in state.inputs and ours and there and ours != there:
            old = state.inputs[k]
            mapping = isinstance(old, Mapping)
            other = {"sha256": there, **{n: v for n,
                                         v in old.items() if n != "sha256"}} if mapping else f"(other content, {there})"
            if other != old:
                seen[k] = other
    return seen


def _tags(provider: Verbs, kind: type[AwsResource], state: State, answer: Mapping[str, Any],
          known: Mapping[str, Any],
          listed: Mapping[str, Tags]) -> dict[str, Any]:
    """``tags``, if they differ. A list may be some minutes old: what differs there is asked for again."""
    assert kind.tagging
    asked = dict(state.inputs.get("tags") or {})
    there = kind.tags_in(answer)
    if there is None and kind.tagging.show:
        there = listed.get(str(known.get("arn")))
        if there is None or _as_asked(provider, asked, there) != asked:
            shown = _allowed(provider, kind, kind.tagging.show, known)
            if shown is None:
                return {}
            there = kind.tags_in(shown, shown=True)
    now = _as_asked(provider, asked, there or {})
    return {} if now == asked else {"tags": now}


def _as_asked(provider: Verbs, asked: Tags, there: Tags) -> Tags:
    """Tags as a program asks for them: without those that everything gets, unless one of these is missing or
    another."""
    ours = {"sst:app": provider.app, "sst:stage": provider.stage, "sst:urn": None, "sst:lineage": None}
    if not ours.keys() & there.keys():   # taken over from elsewhere, not tagged by us yet
        return {k: v for k, v in there.items() if k in asked}
    seen = {k: v for k, v in there.items()
            if not k.startswith("aws:") and k not in ours and (k in asked or k not in provider.own_tags)}
    for k, v in ours.items():            # a thing that was renamed keeps its former urn
        if k not in there or (v is not None and there[k] != v):
            seen[k] = there.get(k, "")
    return seen


def listed_tags(provider: Verbs, kinds: Sequence[type[AwsResource]]) -> dict[str, Tags]:
    """Tags by ARN for things of these kinds, one a thing; empty where a list would save no calls, or is refused."""
    if sum(bool(k.tagging and k.tagging.show) for k in kinds) < _WORTH:
        return {}
    try:
        return tagged(provider)
    except Throttled:
        raise
    except ProviderError:
        return {}


def tagged(provider: Verbs) -> dict[str, Tags]:
    """The tags, by ARN, of all in the provider's region that carry its app and stage: a hundred a call. They may be
    some minutes old.

    Some services have no part in this list (IAM), nor do things that lost these tags. Raises ``ProviderError`` where it
    is refused.
    """
    asked: dict[str, Any] = {"ResourcesPerPage": 100, "TagFilters": [{"Key": "sst:app", "Values": [provider.app]},
                                                                     {"Key": "sst:stage", "Values": [provider.stage]}]}
    found: dict[str, Tags] = {}
    while True:
        answer = provider.aws.call("resourcegroupstaggingapi", "get_resources", asked)
        for r in answer.get("ResourceTagMappingList", ()):
            found[r["ResourceARN"]] = {t["Key"]: t["Value"] for t in r.get("Tags", ())}
        if not (more := answer.get("PaginationToken")):
            return found
        asked["PaginationToken"] = more
