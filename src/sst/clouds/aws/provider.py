"""Runs the rows of the table: the engine's provider of everything on AWS."""
from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ...core.model import Operation, State
from ...core.provider import Absent, Change, Found, Note, Result, Unsure
from ...core.resource import Resource
from ...errors import InternalError, ProviderError, Throttled
from .client import Aws
from .reading import listed_tags, read, tags_in
from .retry import matches
from .table import AwsResource, Call, fill

__all__ = ["AwsProvider", "row", "urn_tag"]


def row(type: str) -> type[AwsResource]:
    """The row of a type, ``aws.sqs.Queue``; its file is imported on first use."""
    kind = Resource.kinds.get(type)
    if kind is None:
        import_module(f".{_FILES.get(type.split('.')[1], type.split('.')[1])}", __package__)
        kind = Resource.kinds.get(type)
    if kind is None or not issubclass(kind, AwsResource):
        raise InternalError(f"no row is named {type}")
    return kind


_FILES = {"lambda": "lambda_"}
INLINE = 50 * 1024 * 1024
"""Bytes of a zip that may be sent in a call."""


def urn_tag(urn: str) -> str:
    """The urn as a tag's value: at most 256 characters, a longer one ends in its hash."""
    return urn if len(urn) <= 256 else f"{urn[:223]}-{hashlib.sha256(urn.encode()).hexdigest()[:32]}"


def _quiet(text: str) -> None:
    pass


class AwsProvider:
    """``tags`` go onto everything that takes them, beside ``sst:app``, ``sst:stage``, ``sst:urn`` and ``sst:lineage``.

    ``address`` maps a host or URL of a kind to where it is reached (itself on AWS, a loopback address on stage
    ``local``). ``asset`` gives the bytes of a build artefact; ``asset_bucket`` the bucket for those that are too large
    for a call. ``guard`` raises once we no longer hold the stage's lock: it is asked before each call is sent, also
    before each repetition.
    """

    def __init__(self, aws: Aws, *, app: str, stage: str, lineage: str, tags: Mapping[str, str] | None = None,
                 address: Callable[[str, str], str] = lambda kind, value: value,
                 asset: Callable[[Mapping[str, Any]], bytes] | None = None,
                 asset_bucket: Callable[[], str] | None = None,
                 guard: Callable[[], None] | None = None) -> None:
        self.aws, self.app, self.stage, self.lineage = aws, app, stage, lineage
        self.own_tags = dict(tags or {})
        self.address, self.asset, self.asset_bucket = address, asset, asset_bucket
        self.guard = guard
        self.inline = INLINE

    # the engine's seam

    watched = frozenset({"tags"})

    def diff(self, type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
        kind = row(type)
        changed = frozenset(k for k in kind.props if old.get(k) != new.get(k))
        if not changed:
            return Change()
        fixed = frozenset(k for k in changed if kind.props[k].replace or k not in kind.updatable())
        keys = kind.fields_of_id() & kind.props.keys()
        in_the_way = not keys or all(old.get(k) == new.get(k) for k in keys)
        return Change(changed, fixed, bool(fixed) and kind.delete_first and in_the_way)

    def create(self, operation: Operation, note: Note) -> Result:
        kind = row(operation.type)
        known = self.known(kind, operation.inputs, {"token": operation.token, "urn": operation.urn})
        self._refuse_taken(kind, operation, known)
        request = kind.request(self, operation.inputs, kind.create)
        if kind.tagging and kind.tagging.wire:
            _put(request, kind.tagging.wire, kind.tagging.shape(self.tags(operation.urn, operation.inputs)))
        answer = self._sent_once(kind, operation, known, request, note)
        if isinstance(answer, Result):    # its answer was lost, and what follows the call is still to be done
            outputs = dict(answer.outputs)
            self._await(kind, kind.create, request, known, note)
        else:
            outputs = kind.outputs(self, answer, known)
        known |= outputs
        for c in kind.update:
            if c.after_create and any(operation.inputs.get(k) is not None for k in c.properties):
                later = self.send(kind, c, known, kind.request(self, operation.inputs, c), note)
                outputs |= kind.outputs(self, later, known)
        if kind.read_back and kind.read:
            known["id"] = str(fill(kind.identifier, known))
            outputs |= kind.outputs(self, self._read_back(kind, known, note), known)
        return Result(str(fill(kind.identifier, {**known, **outputs})), outputs)

    def _sent_once(self, kind: type[AwsResource], operation: Operation, known: Mapping[str, Any],
                   request: Mapping[str, Any],
                   note: Note) -> Mapping[str, Any] | Result:
        """The create call. If its answer is lost, it is sent again only after a look has shown that nothing was made."""
        for last in (False, False, True):
            try:
                return self.send(kind, kind.create, known, request, note)
            except ProviderError as e:
                # a name that was minted for it can't be taken by another: an earlier try of ours had arrived
                taken = _exists(e) and bool(operation.base) and operation.base in str(known.get(kind.name_field))
                if last or not e.sent or (0 < e.status < 500 and not taken) or kind.identity == "token":
                    raise
                note("the answer was lost: looking whether it was made")
                match self.find(operation):
                    case Found(made):
                        return made
                    case Unsure():
                        raise
        raise AssertionError

    def _read_back(self, kind: type[AwsResource], known: Mapping[str, Any], note: Note) -> Mapping[str, Any]:
        """What a new thing looks like, once it shows all its outputs: a moment after its creation."""
        import jmespath

        assert kind.read
        for turn in range(60):
            answer = kind.normalize(self.send(kind, kind.read, known, {}, note, poll=turn > 0), known)
            if not kind.ready or jmespath.search(kind.ready, answer):
                return answer
            self.aws.sleep(min(0.25 * 2 ** turn, 5))
        raise ProviderError("it does not show all its outputs after minutes", code="WaiterTimeout",
                            operation=f"{kind.service} {kind.read.op}")

    def read(self, state: State) -> Result | None:
        return read(self, row(state.type), state, {})

    def reader(self, states: Sequence[State]) -> Callable[[State], Result | None]:
        """``read`` for many: their tags are asked for together where that saves calls."""
        listed = listed_tags(self, [row(s.type) for s in states])
        return lambda state: read(self, row(state.type), state, listed)

    def update(self, state: State, inputs: Mapping[str, Any], changed: frozenset[str], note: Note) -> Result:
        kind = row(state.type)
        was = {f"{k}_was": v for k, v in state.inputs.items()}
        known = self.known(kind, {**state.values, **inputs}, {"id": state.id, "urn": state.urn, **was})
        outputs = dict(state.outputs)
        changed -= kind.custom_update(self, state, inputs, changed, known, note)
        taken = {k for k in changed if inputs.get(k) is None}
        for c in kind.update:
            if not changed & set(c.properties) or changed & set(c.properties) <= taken & kind.reset_call.keys():
                continue
            full = {**inputs, **{k: kind.reset_value[k] for k in taken & set(c.properties) & kind.reset_value.keys()}}
            told = kind.outputs(self, self.send(kind, c, known, kind.request(self, full, c), note), known)
            outputs |= {k: v for k, v in told.items() if k not in kind.fingerprints.values() or k in kind.prints_of(c)}
        for k in sorted(taken & kind.reset_call.keys() & state.inputs.keys()):
            self.ask(kind, kind.reset_call[k], known)
        if "tags" in changed and kind.tagging and kind.tagging.add:
            self._retag(kind, state, inputs, known)
        return Result(state.id, outputs)

    def delete(self, state: State, note: Note) -> None:
        kind = row(state.type)
        known = self.known(kind, state.values, {"id": state.id, "urn": state.urn})
        try:
            kind.before_delete(self, known, note)
            if kind.delete:
                self.send(kind, kind.delete, known, {}, note)
        except ProviderError as e:
            if isinstance(e, Throttled) or e.code not in kind.not_found_codes:
                raise

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        kind = row(operation.type)
        known = self.known(kind, operation.inputs, {"token": operation.token, "urn": operation.urn})
        if kind.identity == "token":
            return Found(self.create(operation, _quiet))
        if kind.find:
            return self._search(kind, operation, known)
        if kind.read is None:
            return Unsure("there is no call that could tell")
        match self._standing(kind, operation, known):
            case "ours", outputs:
                return Found(Result(str(fill(kind.identifier, {**known, **outputs})), outputs))
            case "unsure", _:
                return Unsure(f"there is a {operation.type} named {known.get(kind.name_field)!r}, but nothing on it says who made it")
        return Absent()

    def _standing(self, kind: type[AwsResource], operation: Operation, known: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """``absent``, ``ours``, ``foreign`` or ``unsure``: what there is under a name or key, and its outputs."""
        if kind.lookup:
            told = self.ask(kind, kind.lookup, known)
            if told is None:
                return "absent", {}
            known |= kind.outputs(self, told, known)
        known["id"] = str(fill(kind.identifier, known))
        answer = self.ask(kind, kind.read, known) if kind.read else None
        if answer is None:
            return "absent", {}
        outputs = {**{k: known[k] for k in kind.outs if known.get(k) is not None}, **kind.outputs(self, answer, known)}
        return self._whose(kind, operation, {**known, **outputs}, answer), outputs

    def _refuse_taken(self, kind: type[AwsResource], operation: Operation, known: Mapping[str, Any]) -> None:
        """Some create calls succeed for a name that is taken. A fixed name is looked up first; a minted one can't be taken."""
        name = str(known.get(kind.name_field))
        if not kind.overwrites or (operation.base and operation.base in name):
            return
        try:
            there, _ = self._standing(kind, operation, dict(known))
        except ProviderError as e:
            if e.status != 403:
                raise
            return      # not ours to see: the create call will say so
        if there in ("foreign", "unsure"):
            raise ProviderError(f"there is a {operation.type} named {name} already", code="AlreadyExists", status=409,
                                operation=f"{kind.service} {kind.create.op}", hint="choose another name, or take it over with import_")

    def _whose(self, kind: type[AwsResource], operation: Operation, known: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
        """``ours``, ``foreign`` or ``unsure``: a fixed name may be taken by another tool's or another app's thing."""
        if kind.identity != "name" or (operation.base and operation.base in str(known.get(kind.name_field))):
            return "ours"
        tags = tags_in(answer, kind.response_root)
        if tags is None and kind.tagging and kind.tagging.show:
            shown = self.ask(kind, kind.tagging.show, known)
            tags = tags_in(shown or {}, "")
        if tags is None and not kind.tagging:
            return "unsure"
        tags = tags or {}
        return "ours" if tags.get("sst:urn") == urn_tag(operation.urn) and tags.get("sst:lineage") == self.lineage else "foreign"

    # what rows use

    def send(self, kind: type[AwsResource], c: Call, known: Mapping[str, Any], request: Mapping[str, Any], note: Note, *,
             poll: bool = False) -> dict[str, Any]:
        """Make one call of a row: the wired properties plus the call's own parameters."""
        params = _params(c, request, known)
        try:
            answer = self.aws.call(kind.service, c.op, params, region=known.get("region_asked"), note=note, retry=c.retry,
                                   idempotent=c.idempotent, token=known.get("token") or "", poll=poll, guard=self.guard)
        except ProviderError as e:
            if not matches(e, c.benign_codes):
                raise
            return {}
        for failed in answer.get("FailedEntries", ()):     # a refusal inside a success
            raise ProviderError(failed.get("ErrorMessage", ""), code=failed.get("ErrorCode", ""), operation=f"{kind.service} {c.op}",
                                request_id=answer["ResponseMetadata"].get("RequestId", ""), status=400)
        self._await(kind, c, request, known, note)
        return answer

    def _await(self, kind: type[AwsResource], c: Call, request: Mapping[str, Any], known: Mapping[str, Any], note: Note) -> None:
        if c.wait:
            params = _params(c, request, known)
            self.aws.wait(kind.service, c.wait, {k: params[k] for k in c.wait_on}, region=known.get("region_asked"), note=note)

    def code(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """A function's code as Lambda takes it: in the call, or through S3 if it is large."""
        assert self.asset
        data = self.asset(inputs)
        if len(data) <= self.inline or self.asset_bucket is None:
            return {"ZipFile": data}
        key = f"assets/{self.app}/{self.stage}/{inputs['code']['sha256']}.zip"
        bucket = self.asset_bucket()
        self.aws.call("s3", "put_object", {"Bucket": bucket, "Key": key, "Body": data}, idempotent=True)
        return {"S3Bucket": bucket, "S3Key": key}

    def tags(self, urn: str, inputs: Mapping[str, Any]) -> dict[str, str]:
        return {**self.own_tags, **(inputs.get("tags") or {}), "sst:app": self.app, "sst:stage": self.stage, "sst:urn": urn_tag(urn),
                "sst:lineage": self.lineage}

    def known(self, kind: type[AwsResource], values: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
        region = values.get("region")
        return {"account": self.aws.account(), "partition": self.aws.partition(region), "region_asked": region,
                **dict.fromkeys(kind.props), **values, "region": region or self.aws.region, **more}

    def ask(self, kind: type[AwsResource], c: Call, known: Mapping[str, Any]) -> dict[str, Any] | None:
        """The answer of a call, or None where it says that the thing does not exist."""
        import jmespath

        try:
            answer = self.send(kind, c, known, {}, _quiet)
        except ProviderError as e:
            if isinstance(e, Throttled) or e.code not in kind.not_found_codes:
                raise
            return None
        if c is kind.read:
            answer = dict(kind.normalize(answer, known))
            if kind.exists_if and not jmespath.search(kind.exists_if, answer):
                return None
        return answer

    def _search(self, kind: type[AwsResource], operation: Operation, known: Mapping[str, Any]) -> Found | Absent | Unsure:
        """Look through a list for the thing that carries our mark."""
        import jmespath

        assert kind.find
        answer = self.ask(kind, kind.find, known)
        for item in (jmespath.search(kind.list_path, answer) or []) if answer is not None else []:
            outputs = kind.outputs(self, item, known)
            id = str(fill(kind.identifier, {**known, **outputs}))
            if id not in operation.known and self._is_ours(kind, item, operation, {**known, **outputs}):
                return Found(Result(id, outputs))
        return Absent()

    def _is_ours(self, kind: type[AwsResource], item: Mapping[str, Any], operation: Operation, known: Mapping[str, Any]) -> bool:
        if kind.identity == "tag":
            tags = tags_in(item, "")
            if tags is None and kind.tagging and kind.tagging.show:
                if not all(item.get(k) == v for k, v in kind.search_fields(operation.inputs).items() if k in item):
                    return False
                tags = tags_in(self.ask(kind, kind.tagging.show, known) or {}, "")
            tags = tags or {}
            return bool(tags.get("sst:urn") == urn_tag(operation.urn) and tags.get("sst:lineage") == self.lineage)
        if kind.identity == "description":
            return operation.urn in str(item.get("Description") or item.get("Comment") or "")
        return all(item.get(k) == v for k, v in kind.search_fields(operation.inputs).items() if k in item)

    def _retag(self, kind: type[AwsResource], state: State, inputs: Mapping[str, Any], known: Mapping[str, Any]) -> None:
        tagging = kind.tagging
        assert tagging and tagging.add
        old, new = state.inputs.get("tags") or {}, inputs.get("tags") or {}
        if (dropped := sorted(old.keys() - new.keys())) and tagging.remove:
            self.send(kind, tagging.remove, {**known, "tag_keys": dropped, "tag_list": [{"Key": k} for k in dropped]}, {}, _quiet)
        self.send(kind, tagging.add, {**known, "tags": tagging.shape(self.tags(state.urn, inputs))}, {}, _quiet)


def _exists(error: ProviderError) -> bool:
    return 400 <= error.status < 500 and ("Exists" in error.code or error.code.startswith("Conflict"))


def _params(c: Call, request: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    return {**request, **{k: v for k, t in c.params.items() if (v := fill(t, known)) is not None}}


def _put(request: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        request = request.setdefault(part, {})
    request[last] = value
