"""Types of `archive`, `random`, `time` and `tls` that need no plugin: the same arguments and outputs, made by sst.

They are used where ``sst.lock`` has no provider of that name. The tables follow the schemas of hashicorp/archive 2,
hashicorp/random 3, hashicorp/time 0.13 and hashicorp/tls 4 (their docs in the registry); ``bcrypt_hash`` of a password
is left out.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from threading import Event
from typing import Any

from ...core.model import Operation, State
from ...core.output import plain
from ...core.provider import Absent, Change, Found, Note, Provider, Recorded, Result, Traits, Unsure
from ...core.schema import Schema
from ...errors import ProviderError, UserError
from .configuration import of_program
from .generated import GENERATORS, check
from .lifecycle import REPLACE_WHEN, is_triggered
from .schema import python_name
from .schema_cache import Schemas
from .times import BASE, IN_PLACE, TIMES, check_times, is_due, seconds_of
from .types import Types, named
from .values import to_state
from .wire import encode

__all__ = ["NATIVE", "NativeProvider", "native_schemas"]

_CHARACTERS = """length=number:r lower=bool:oc upper=bool:oc numeric=bool:oc special=bool:oc min_lower=number:oc
  min_upper=number:oc min_numeric=number:oc min_special=number:oc override_special=string:o keepers=map:o id=string:c"""
_UNITS = ("years", "months", "days", "hours", "minutes", "seconds")
_PARTS = """year=number:c month=number:c day=number:c hour=number:c minute=number:c second=number:c unix=number:c
  id=string:c"""
_TABLE = f"""
random_password/3 {_CHARACTERS} result=string:cs
random_string/2 {_CHARACTERS} result=string:c
random_id/0 byte_length=number:r prefix=string:o keepers=map:o id=string:c b64_url=string:c b64_std=string:c
  hex=string:c dec=string:c
random_uuid/0 keepers=map:o id=string:c result=string:c
random_integer/0 min=number:r max=number:r seed=string:o keepers=map:o id=string:c result=number:c
random_pet/0 length=number:oc prefix=string:o separator=string:oc keepers=map:o id=string:c
tls_private_key/1 algorithm=string:r rsa_bits=number:oc ecdsa_curve=string:oc id=string:c private_key_pem=string:cs
  private_key_openssh=string:cs private_key_pem_pkcs8=string:cs public_key_pem=string:c public_key_openssh=string:c
  public_key_fingerprint_md5=string:c public_key_fingerprint_sha256=string:c
time_static/0 rfc3339=string:oc triggers=map:o {_PARTS}
time_offset/0 base_rfc3339=string:oc triggers=map:o rfc3339=string:c {_PARTS}
  {" ".join(f"offset_{u}=number:o" for u in _UNITS)}
time_rotating/0 rfc3339=string:oc rotation_rfc3339=string:oc triggers=map:o {_PARTS}
  {" ".join(f"rotation_{u}=number:o" for u in _UNITS[:-1])}
time_sleep/0 create_duration=string:o destroy_duration=string:o triggers=map:o id=string:c
archive_file/0 type=string:r output_path=string:r source_content=string:o source_content_filename=string:o
  source_file=string:o source_dir=string:o excludes=set:o exclude_symlink_directories=bool:o output_file_mode=string:o
  id=string:c output_size=number:c output_sha=string:c output_sha256=string:c output_base64sha256=string:c
  output_sha512=string:c output_base64sha512=string:c output_md5=string:c
"""
"""``TYPE/VERSION attribute=TYPE:FLAGS``: r required, o optional, c computed, s sensitive."""
_BLOCKS = {"archive_file": [{"type_name": "source", "nesting": 3, "block": {"attributes": [
    {"name": n, "type": b'"string"', "required": True} for n in ("content", "filename")]}}]}
NATIVE = ("archive", "random", "time", "tls")
_MAKE = {**GENERATORS, **TIMES}


@cache
def native_schemas(name: str) -> Schemas:
    """The schemas of one of them. What `archive` makes is a data source too."""
    found: dict[str, bytes] = {}
    for line in _TABLE.replace("\n  ", " ").strip().splitlines():
        head, *attributes = line.split()
        type, _, version = head.partition("/")
        if type.startswith(f"{name}_"):
            block = {"attributes": [_attribute(a) for a in attributes], "block_types": _BLOCKS.get(type, [])}
            found[type] = encode("Schema", {"version": int(version), "block": block})
    return Schemas(6, encode("Schema", {"block": {}}), found, found if name == "archive" else {})


def _attribute(text: str) -> dict[str, Any]:
    name, _, rest = text.partition("=")
    kind, _, flags = rest.partition(":")
    type = [kind, "string"] if kind in ("map", "set") else kind
    return {"name": name, "type": json.dumps(type).encode(), "required": "r" in flags, "optional": "o" in flags,
            "computed": "c" in flags, "sensitive": "s" in flags}


class NativeProvider(Provider):
    """A change makes a new value: all arguments of these types need a new resource, but some of `time`."""

    traits = Traits(unique=False)

    def __init__(self, name: str) -> None:
        self._types = Types(name, native_schemas(name), name)
        self._stopped = Event()

    def schema(self, type: str) -> Schema:
        return self._types.engine(type)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        self._config(type, inputs)
        if prior is None:
            return Change(frozenset(inputs))
        changed = frozenset(k for k in {*prior.inputs, *inputs} if prior.inputs.get(k) != inputs.get(k)
                            or not plain(inputs.get(k)))
        own = self._types.own(type)
        if own.name == "time_rotating" and is_due(prior.outputs):
            return Change(changed, reason="its rotation")
        forced = changed - IN_PLACE.get(own.name, frozenset())
        if not is_triggered(prior, inputs):
            forced -= {REPLACE_WHEN}
        told = frozenset(n for n, a in own.block.attributes.items()
                         if a.computed and n not in inputs and n not in ("id", BASE.get(own.name)))
        return Change(changed, forced, unknown=told if changed and not forced else frozenset())

    def _config(self, type: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        own = self._types.own(type)
        try:
            config = of_program(own.block, inputs)
            check(own.name, config)
            check_times(own.name, config)
        except ValueError as e:
            raise UserError(f"{type}: {e}") from None
        except UserError as e:
            raise UserError(f"{type}: {e.message}") from None
        return config

    def create(self, operation: Operation, note: Note) -> Result:
        own = self._types.own(operation.type)
        config = self._config(operation.type, operation.inputs)
        self._wait(config.get("create_duration"))
        made = _MAKE[own.name](config)
        return Result(str(made["id"]), named(to_state(made)), version=own.version)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        """What changes in place is counted from the same moment. Of other types after a create of unknown end: there is
        nothing outside of the state."""
        own = self._types.own(operation.type)
        if own.name not in IN_PLACE:
            return Result(state.id, state.outputs, version=state.version)
        base = BASE.get(own.name, "id")
        made = _MAKE[own.name]({**self._config(operation.type, operation.inputs), base: state.outputs[base]})
        return Result(state.id, named(to_state({**made, "id": state.id})), version=own.version)

    def delete(self, state: State, note: Note) -> None:
        """It is nowhere but in the state."""
        self._wait(state.inputs.get("destroy_duration"))

    def _wait(self, duration: str | None) -> None:
        if self._stopped.wait(seconds_of(duration)):
            raise ProviderError("the wait was interrupted", sent=False)

    def stop(self) -> None:
        self._stopped.set()

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs, state.inputs, version=state.version)

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()

    def import_(self, type: str, id: str) -> Result | None:
        raise ProviderError(f"{type} is nowhere but in the state: there is nothing to import", sent=False)

    def take_over(self, type: str, recorded: Recorded) -> Result:
        """The value that another tool's state holds stays what it is."""
        own = self._types.own(type)
        if recorded.version != own.version:
            raise UserError(f"{own.name} {recorded.id!r} was recorded with schema {recorded.version}, and sst has "
                            f"{own.version}", hint="run `terraform apply -refresh-only` with the newest provider first")
        values = {python_name(k): recorded.values.get(k) for k in own.block.attributes}
        given = {k: values[k] for k in self._types.engine(type).arguments if values.get(k) is not None}
        return Result(recorded.id, values, given, version=own.version)
