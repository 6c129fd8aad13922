"""Runs the rows of the table: the engine's provider of everything on AWS."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from ...core.model import Operation, Snapshot, State
from ...core.provider import STAND_IN, UNCHANGED, Absent, Change, Found, Note, Provider, Result, Traits, Unsure
from ...core.resource import schema_of
from ...core.schema import Schema
from ...errors import ProviderError, Throttled
from .bulk import Bulk
from .model_check import check_properties
from .reading import listed_tags, read
from .rows import row
from .table import AwsResource, fill
from .verbs import Verbs, quiet, urn_tag

if TYPE_CHECKING:
    from ...core.browse import Browser
    from ...core.monitor import Monitor
from ...core.picture import Picture

__all__ = ["STAND_IN_TAG", "AwsProvider", "row", "urn_tag"]

STAND_IN_TAG = "sst:stand-in"
"""On what stands in, on stage ``local``, for an existing resource of the account."""


class AwsProvider(Verbs, Provider):
    """Creates, reads, updates and deletes resources by their rows."""

    def picture(self, snapshot: Snapshot) -> Picture:
        from .browse.picture import picture_of

        return picture_of(snapshot)

    def browser(self, state: State) -> Browser | None:
        from .browse.browsers import BROWSERS
        from .browse.calls import Calls

        made, calls = BROWSERS.get(state.type), Calls(lambda: self.aws, self.peek, self.sql, self.mails)
        return made(calls, state) if made and made.shows(calls) else None

    def monitor(self) -> Monitor | None:
        from .browse.monitor import AwsMonitor

        return None if self.local else AwsMonitor(lambda: self.aws)

    # the engine's seam

    watched = frozenset({"tags"})

    @cached_property
    def _bulk(self) -> Bulk:
        return Bulk(self)

    def schema(self, type: str) -> Schema:
        if bulk := self._bulk.get(type):
            return bulk.schema(type)
        return schema_of(row(type))

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        if bulk := self._bulk.get(type):
            return bulk.plan(type, prior, inputs)
        kind = row(type)
        if prior is None:
            check_properties(kind, inputs, inputs.keys())
            return _creation(tuple(inputs))
        if prior.inputs == inputs:
            return UNCHANGED
        changed = frozenset(k for k in kind.props if prior.inputs.get(k) != inputs.get(k)
                            and not kind.reordered(k, prior.inputs.get(k), inputs.get(k)))
        if not changed:
            return UNCHANGED
        check_properties(kind, inputs, changed)
        fixed = frozenset(k for k in changed if kind.props[k].replace or k not in kind.updatable())
        fixed |= kind.fixed_by(prior.inputs, inputs)
        keys = kind.fields_of_id() & kind.props.keys()
        in_the_way = not keys or all(prior.inputs.get(k) == inputs.get(k) for k in keys)
        first = bool(fixed) and kind.delete_first and in_the_way
        return Change(changed, fixed, "delete_first" if first else "",
                      frozenset(k for k, o in kind.outs.items() if o.volatile),
                      notes=() if self.local else kind.warnings(prior.inputs, inputs))

    def upgrade(self, state: State) -> State:
        if state.type in self._bulk or not (names := row(state.type).renamed):
            return state
        return replace(state, version=row(state.type).schema_version,
                       inputs={names.get(k, k): v for k, v in state.inputs.items()})

    def create(self, operation: Operation, note: Note) -> Result:
        if bulk := self._bulk.get(operation.type):
            return bulk.create(operation, note)
        kind = row(operation.type)
        known = self.variables(kind, operation.inputs, {"token": operation.token, "urn": operation.urn})
        self._refuse_taken(kind, operation, known)
        request = kind.request(self, operation.inputs, kind.create)
        if kind.tagging:
            known["tags"] = kind.tagging.shape(self.tags(operation.urn, operation.inputs))
            if kind.tagging.wire:
                _put(request, kind.tagging.wire, known["tags"])
        answer = self._sent_once(kind, operation, known, request, note)
        if isinstance(answer, Result):    # its answer was lost, and what follows the call is still to be done
            outputs = dict(answer.outputs)
            self.wait(kind, kind.create, {**known, **outputs}, note)
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
        kind.settle(self, {**known, **outputs}, note)
        return Result(str(fill(kind.identifier, {**known, **outputs})), outputs)

    def _sent_once(self, kind: type[AwsResource], operation: Operation, known: Mapping[str, Any],
                   request: Mapping[str, Any],
                   note: Note) -> Mapping[str, Any] | Result:
        """The create call. If its answer is lost, it is sent again only after a look has shown that nothing was
        made."""
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
        raise ProviderError("it still does not return all its outputs", code="WaiterTimeout",
                            operation=f"{kind.service} {kind.read.op}")

    def read(self, state: State) -> Result | None:
        if bulk := self._bulk.get(state.type):
            return bulk.read(state)
        return read(self, row(state.type), self.upgrade(state), {})

    def reader(self, states: Sequence[State]) -> Callable[[State], Result | None]:
        """``read`` for many: their tags are asked for together where that saves calls."""
        listed = listed_tags(self, [row(s.type) for s in states if s.type not in self._bulk])
        return lambda state: (bulk.read(state) if (bulk := self._bulk.get(state.type))
                              else read(self, row(state.type), self.upgrade(state), listed))

    @cached_property
    def traits(self) -> Traits:  # type: ignore[override]  # read only
        return Traits(stand_ins=self.local)

    def look_up(self, type: str, inputs: Mapping[str, Any]) -> Result | None:
        kind = row(type)
        told = kind.fields_of(str(inputs["id"])) if "id" in inputs else {}
        variables = self.variables(kind, {**told, **inputs}, {})
        if kind.lookup and "id" not in inputs:
            answer = self.ask(kind, kind.lookup, variables)
            if answer is None:
                return None
            variables |= kind.outputs(self, answer, variables)
        found = self.import_(type, str(inputs.get("id") or fill(kind.identifier, variables)))
        if found and self.local and kind.stand_in is not None and self._stands_in(kind, {**variables, **found.outputs}):
            return replace(found, private=STAND_IN)
        return found

    def stand_in(self, operation: Operation, note: Note) -> Result:
        kind, inputs = row(operation.type), operation.inputs
        given = {k: p.default for k, p in kind.props.items() if p.default is not None and not p.required}
        given = {k: v for k, v in {**given, **(kind.stand_in or {}), **inputs}.items() if k in kind.props}
        tags = {**(given.get("tags") or {}), STAND_IN_TAG: "true"}
        self.create(replace(operation, inputs={**given, "tags": tags}), note)
        found = self.look_up(operation.type, inputs)
        assert found
        return found

    def _stands_in(self, kind: type[AwsResource], variables: Mapping[str, Any]) -> bool:
        assert kind.tagging and kind.tagging.show
        return STAND_IN_TAG in (kind.tags_in(self.ask(kind, kind.tagging.show, variables) or {}, shown=True) or {})

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        if bulk := self._bulk.get(state.type):
            return bulk.update(operation, state, note)
        state = self.upgrade(state)
        kind, inputs, changed = row(state.type), operation.inputs, operation.changed
        was = {f"{k}_was": v for k, v in state.inputs.items()}
        known = self.variables(kind, {**state.values, **inputs}, {"id": state.id, "urn": state.urn, **was})
        outputs = dict(state.outputs)
        changed -= kind.custom_update(self, state, inputs, changed, known, note)
        taken = {k for k in changed if inputs.get(k) is None}
        for c in kind.update:
            sent = {*kind.sent_by(c)}
            if not changed & sent or changed & sent <= taken & kind.reset_call.keys():
                continue
            full = {**inputs, **{k: kind.reset_value[k] for k in taken & sent & kind.reset_value.keys()}}
            if c.only_changed:
                full = {k: v for k, v in full.items() if k in changed}
            told = kind.outputs(self, self.send(kind, c, known, kind.request(self, full, c), note), known)
            outputs |= {k: v for k, v in told.items() if k not in kind.fingerprints.values() or k in kind.prints_of(c)}
        for k in sorted(taken & kind.reset_call.keys() & state.inputs.keys()):
            self.ask(kind, kind.reset_call[k], known)
        if "tags" in changed and kind.tagging and kind.tagging.add:
            self._retag(kind, state, inputs, known)
        kind.settle(self, {**known, **outputs}, note)
        return Result(state.id, outputs)

    def delete(self, state: State, note: Note) -> None:
        if bulk := self._bulk.get(state.type):
            return bulk.delete(state, note)
        state = self.upgrade(state)
        kind = row(state.type)
        known = self.variables(kind, state.values, {"id": state.id, "urn": state.urn})
        if state.private == STAND_IN:
            known |= kind.stand_in or {}
        try:
            kind.before_delete(self, known, note)
            if kind.delete:
                self.send(kind, kind.delete, known, {}, note)
        except ProviderError as e:
            if isinstance(e, Throttled) or e.code not in kind.not_found_codes:
                raise

    def retire(self, state: State, note: Note) -> bool:
        kind = None if state.type in self._bulk else row(state.type)
        if kind is None or kind.retire is None:
            return False
        self.send(kind, kind.retire, self.variables(kind, state.values, {"id": state.id, "urn": state.urn}), {}, note)
        return True

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        if bulk := self._bulk.get(operation.type):
            return bulk.find(operation)
        kind = row(operation.type)
        known = self.variables(kind, operation.inputs, {"token": operation.token, "urn": operation.urn})
        if kind.identity == "token":
            try:
                return Found(self.create(operation, quiet))
            except ProviderError as e:
                if e.code not in kind.undone_codes:
                    raise
                return Absent()
        if kind.find:
            return self._search(kind, operation, known)
        if kind.read is None:
            return Unsure("there is no call that could tell")
        match self._standing(kind, operation, known):
            case "ours", outputs:
                return Found(Result(str(fill(kind.identifier, {**known, **outputs})), outputs))
            case "unsure", _:
                return Unsure(f"there is a {operation.type} named {known.get(kind.name_field)!r}, but nothing on it "
                              "says who made it")
        return Absent()

    def _standing(self, kind: type[AwsResource], operation: Operation,
                  known: dict[str, Any]) -> tuple[str, dict[str, Any]]:
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
        """Some create calls succeed for a name that is taken. A fixed name is looked up first; a minted one can't be
        taken."""
        name = str(known.get(kind.name_field))
        if not kind.overwrites or (operation.base and operation.base in name):
            return
        try:
            there, _ = self._standing(kind, operation, dict(known))
        except ProviderError as e:
            if e.status != 403:
                e.sent = False      # the create call was not: there is nothing to look for
                raise
            return      # not ours to see: the create call will say so
        if there in ("foreign", "unsure"):
            raise ProviderError(f"a {operation.type} named {name} exists already", code="AlreadyExists", status=409,
                                operation=f"{kind.service} {kind.create.op}",
                                hint="choose another name, or adopt it with import_")

    def _whose(self, kind: type[AwsResource], operation: Operation, known: Mapping[str, Any],
               answer: Mapping[str, Any]) -> str:
        """``ours``, ``foreign`` or ``unsure``: a fixed name may be taken by another tool's or another app's thing."""
        if kind.identity != "name" or (operation.base and operation.base in str(known.get(kind.name_field))):
            return "ours"
        tags = kind.tags_in(answer)
        if tags is None and kind.tagging and kind.tagging.show:
            shown = self.ask(kind, kind.tagging.show, known)
            tags = kind.tags_in(shown or {}, shown=True)
        if tags is None and not kind.tagging:
            return "unsure"
        tags = tags or {}
        return ("ours" if tags.get("sst:urn") == urn_tag(operation.urn) and tags.get("sst:lineage") == self.lineage
                else "foreign")

    # looking for what was created

    def _search(self, kind: type[AwsResource], operation: Operation,
                known: Mapping[str, Any]) -> Found | Absent | Unsure:
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

    def _is_ours(self, kind: type[AwsResource], item: Mapping[str, Any], operation: Operation,
                 known: Mapping[str, Any]) -> bool:
        if kind.identity == "tag":
            tags = kind.tags_in(item, shown=True)
            if tags is None and kind.tagging and kind.tagging.show:
                if not all(item.get(k) == v for k, v in kind.search_fields(operation.inputs).items() if k in item):
                    return False
                tags = kind.tags_in(self.ask(kind, kind.tagging.show, known) or {}, shown=True)
            tags = tags or {}
            return bool(tags.get("sst:urn") == urn_tag(operation.urn) and tags.get("sst:lineage") == self.lineage)
        if kind.identity == "description":
            return operation.urn in str(item.get("Description") or item.get("Comment") or "")
        return all(item.get(k) == v for k, v in kind.search_fields(operation.inputs).items() if k in item)

    def _retag(self, kind: type[AwsResource], state: State, inputs: Mapping[str, Any],
               known: Mapping[str, Any]) -> None:
        tagging = kind.tagging
        assert tagging and tagging.add
        old, new = state.inputs.get("tags") or {}, inputs.get("tags") or {}
        if (dropped := sorted(old.keys() - new.keys())) and tagging.remove:
            self.send(kind, tagging.remove, {**known, "tag_keys": dropped, "tag_list": [{"Key": k} for k in dropped]},
                      {}, quiet)
        self.send(kind, tagging.add, {**known, "tags": tagging.shape(self.tags(state.urn, inputs))}, {}, quiet)


@lru_cache(1024)
def _creation(properties: tuple[str, ...]) -> Change:
    """The same for the thousands of new resources that set the same properties."""
    return Change(frozenset(properties))


def _exists(error: ProviderError) -> bool:
    return 400 <= error.status < 500 and ("Exists" in error.code or error.code.startswith("Conflict"))


def _put(request: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        request = request.setdefault(part, {})
    request[last] = value
