"""An account on the emulator: makes things through the provider, as the engine does, and takes all of them away
again."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider, row
from sst.core.model import Op, Operation, State
from sst.core.names import mint
from sst.core.provider import Change, Result
from sst.core.resource import _MISSING
from sst.errors import ProviderError

from .samples import zip_file

__all__ = ["World", "full"]


def note(text: str) -> None:
    pass


def full(type: str, inputs: Mapping[str, Any], base: str) -> dict[str, Any]:
    """With defaults and the physical name, as the engine gives them."""
    kind = row(type)
    made = {k: v for k, p in kind.props.items() if (v := inputs.get(k, None if p.default is _MISSING
                                                                    else p.default)) is not None}
    if (name := kind.name_field) and name not in made:
        suffix = kind.props[name].suffix
        made[name] = base + (suffix(made) if callable(suffix) else suffix)
    return made


class World:
    def __init__(self, aws: Aws, lineage: str = "lineage-1") -> None:
        self.aws = aws
        self.provider = AwsProvider(aws, app="app", stage="test", lineage=lineage,
                                    asset=lambda inputs: zip_file(inputs["code"]["path"]))
        self.made: list[State] = []
        self.zones: list[str] = []

    def operation(self, type: str, inputs: Mapping[str, Any]) -> Operation:
        kind = row(type)
        p = kind.props.get(kind.name_field)
        base = mint("app", "test", type.rsplit(".", 1)[1], limit=(p.limit if p and p.limit else 64) - 5,
                    lower=bool(p and p.lower))
        return Operation(f"{type}::Thing{uuid.uuid4().hex[:6]}", Op.CREATE, type, base, uuid.uuid4().hex,
                         full(type, inputs, base))

    def create(self, operation: Operation) -> State:
        state = self.state(operation, self.provider.create(operation, note))
        self.made.append(state)
        return state

    def state(self, operation: Operation, made: Result) -> State:
        return State(operation.urn, operation.type, made.id, operation.inputs, made.outputs, base=operation.base,
                     provider="aws")

    def plan(self, state: State, inputs: Mapping[str, Any]) -> Change:
        return self.provider.plan(state.type, state, inputs)

    def update(self, state: State, inputs: Mapping[str, Any], changed: frozenset[str]) -> Result:
        return self.provider.update(Operation(state.urn, Op.UPDATE, state.type, inputs=inputs, changed=changed), state,
                                    note)

    def make(self, type: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return self.create(self.operation(type, inputs)).values

    def zone(self, name: str) -> str:
        answer = self.aws.call("route53", "create_hosted_zone", {"Name": name, "CallerReference": uuid.uuid4().hex})
        self.zones.append(answer["HostedZone"]["Id"].rpartition("/")[2])
        return self.zones[-1]

    def clear(self) -> None:
        failed = []
        for state in reversed(self.made):
            try:
                self.provider.delete(state, note)
            except ProviderError as e:
                failed.append(f"{state.type}: {e}")
        for zone in self.zones:
            self.aws.call("route53", "delete_hosted_zone", {"Id": zone})
        assert not failed, failed
