"""State files of other tools, read for what can be taken over: SST v3 and v4 (Pulumi's checkpoints) and Terraform's
state.

    found = read_foreign(text, "terraform.tfstate")
    found.things      # (name, our type, id) of what a row of ours can take over
    found.others      # what no row fits
"""
from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..clouds.imports import importable, missing
from ..core.model import Snapshot, name_of
from ..core.provider import Recorded
from ..engine.plan import Plan
from ..errors import UserError

__all__ = ["Foreign", "Matched", "Thing", "match", "read_foreign"]


@dataclass(frozen=True, slots=True)
class Thing:
    """Something of the file that a row of ours fits. ``name`` is what it is called there: ``JobsQueue``,
    ``module.a.jobs[0]``."""

    name: str
    type: str
    id: str
    recorded: Recorded | None = field(default=None, compare=False)
    """The whole of it, where its provider can take it over by that: Terraform records what providers gave."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a file holds. ``others``: (name, type there, why) of what can't be mapped."""

    tool: str
    things: tuple[Thing, ...]
    others: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Matched:
    """Which resource of the program takes over which thing, and the things that none, or several, would."""

    ids: Mapping[str, str | Recorded]
    """By urn."""
    rest: tuple[tuple[Thing, str], ...]


def read_foreign(text: str, name: str) -> Foreign:
    """Read a state file of SST v3/v4, Pulumi or Terraform. Raises ``UserError`` if it is none of these, or encrypted as
    a whole."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise UserError(f"{name} is not JSON: {e}" if isinstance(e, ValueError) else f"{name} is nested too deeply",
                        hint="give the state file of SST v3/v4 or Terraform, or the output of `pulumi stack "
                             "export`") from e
    body: Any = data
    for key in ("deployment", "checkpoint", "latest"):
        body = body.get(key, body) if isinstance(body, Mapping) else body
    if isinstance(data, Mapping) and "encrypted_data" in data:
        raise UserError(f"{name} is encrypted by OpenTofu", hint=f"`tofu state pull > {name}` writes it in plain text")
    if isinstance(data, Mapping) and "terraform_version" in data and data.get("version") != 4:
        version = _printable(str(data.get("version")))
        raise UserError(f"{name} has Terraform's state format {version}; only 4 is understood",
                        hint="any Terraform since 0.12 writes format 4: run `terraform apply -refresh-only` with it")
    resources = body.get("resources") if isinstance(body, Mapping) else None
    if not isinstance(resources, list) or not all(isinstance(r, Mapping) for r in resources):
        raise UserError(f"{name} is not a state file of SST, Pulumi or Terraform", hint="it has no list of resources")
    if isinstance(data, Mapping) and ("terraform_version" in data or any("instances" in r for r in resources)):
        return _sorted_out("Terraform", _terraform(resources))
    return _sorted_out("SST or Pulumi", _pulumi(resources))


@dataclass(frozen=True, slots=True)
class _Found:
    """One resource of a file. ``values`` are its attributes in camel case."""

    name: str
    kind: str
    values: Mapping[str, Any]
    provider: str
    """As `sst add` takes it."""
    recorded: Recorded | None = None
    tainted: bool = False


def _pulumi(resources: Sequence[Mapping[str, Any]]) -> Iterator[_Found]:
    for r in resources:
        kind = str(r.get("type", ""))
        if r.get("custom") is False or kind.startswith(("pulumi:", "sst:")) or r.get("delete") or r.get("external"):
            continue  # components are labels; providers and what is being deleted are nothing to take over
        values = {**_mapping(r.get("inputs")), **_mapping(r.get("outputs")), "id": r.get("id", "")}
        yield _Found(name_of(str(r.get("urn", ""))), kind, values, kind.partition(":")[0])


def _terraform(resources: Sequence[Mapping[str, Any]]) -> Iterator[_Found]:
    for r in resources:
        if r.get("mode") != "managed":
            continue
        kind, path = str(r.get("type", "")), ".".join(str(x) for x in (r.get("module"), r.get("name")) if x)
        instances = r.get("instances") or []
        if not isinstance(instances, list) or not all(isinstance(i, Mapping) for i in instances):
            raise UserError(f'"{_printable(path)}" in the file of Terraform has no list of instances',
                            hint="the file was damaged or edited")
        for one in instances:
            if one.get("deposed"):
                continue
            index, attributes = one.get("index_key"), _mapping(one.get("attributes"))
            values = {re.sub(r"_(\w)", lambda m: m[1].upper(), k): v for k, v in attributes.items()}
            name = path + ("" if index is None else f"[{json.dumps(index)}]")
            yield _Found(name, kind, values, _source(r), _recorded(attributes, one), one.get("status") == "tainted")


def _source(resource: Mapping[str, Any]) -> str:
    """``provider["registry.terraform.io/vercel/vercel"].eu`` → ``vercel/vercel``."""
    found = re.search(r'"[^"/]+/([\w-]+/[\w-]+)"', str(resource.get("provider", "")))
    return found[1] if found else str(resource.get("type", "")).partition("_")[0]


def _recorded(attributes: Mapping[str, Any], instance: Mapping[str, Any]) -> Recorded | None:
    version, id = instance.get("schema_version", 0), next(
        (v for k in ("id", "arn", "name", "key") if isinstance(v := attributes.get(k), str) and v), "")
    try:
        notes = base64.b64decode(str(instance.get("private", "")), validate=True)
    except ValueError:
        notes = b""
    return Recorded(id, attributes, version if isinstance(version, int) else 0, notes) if id else None


def _printable(text: str) -> str:
    """Without control characters: they could speak to the terminal."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", text)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sorted_out(tool: str, found: Iterator[_Found]) -> Foreign:
    things, others, known = list[Thing](), list[tuple[str, str, str]](), importable()
    for one in found:
        name, theirs = _printable(one.name), _printable(one.kind)
        ours, template = known.get(theirs, ("", ""))
        recorded = one.recorded if ":" in ours else None
        if one.tainted:
            others.append((name, theirs, "Terraform has marked it as tainted, to be replaced"))
        elif not ours:
            others.append((name, theirs, missing(one.provider)))
        elif (id := recorded.id if recorded else _id(template, one.values)) and id != _printable(id):
            others.append((name, theirs, "its id holds control characters"))
        elif id:
            things.append(Thing(name, ours, id, recorded))
        else:
            others.append((name, theirs, "the file does not tell its id"))
    return Foreign(tool, tuple(things), tuple(others))


def _id(template: str, values: Mapping[str, Any]) -> str:
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        given = next((v for k in found[1].split("|") if isinstance(v := values.get(k), str) and v), "")
        missing = missing or not given
        return given

    text = re.sub(r"\{(.+?)\}", value, template)
    return "" if missing else text


def match(things: Sequence[Thing], plan: Plan, named: Mapping[str, str], there: Snapshot | None = None) -> Matched:
    """Pair things with the resources that the program declares and the state, ``there``, does not have yet.

    By type and name: case, ``-``, ``_`` and ``/`` don't count, so that ``JobsQueue`` fits ``Jobs/Queue`` and ``jobs``
    fits ``Jobs``. ``named`` says it outright: name there → name in the program. Raises ``UserError`` for a name that is
    not in the file.
    """
    for name in named:
        if not any(t.name == name for t in things):
            raise UserError(f'the file has nothing named "{name}" that can be adopted', code="unknown-name")
    taken = [s for s in (there.resources.values() if there else ()) if s.type in {t.type for t in things}]
    goals = [s for s in plan.steps if s.goal and s.old is None]
    wants = {t: [s for s in goals if s.type == t.type and _fits(t, s.urn, named)] for t in things}
    ids: dict[str, str | Recorded] = {}
    rest: list[tuple[Thing, str]] = []
    for t, steps in wants.items():
        rivals = [o for o in wants if o != t and steps and any(s in steps for s in wants[o])]
        if had := next((s for s in taken if (s.type, s.id) == (t.type, t.id) and _fits(t, s.urn, named)), None):
            rest.append((t, f"it is in the state already, as {name_of(had.urn)}"))
        elif len(steps) == 1 and not rivals:
            ids[steps[0].urn] = t.recorded or t.id
        elif not steps:
            rest.append((t, f"the program declares nothing of that type and name, as {_declared(t)}"))
        else:
            other = ", ".join([*(s.name for s in steps[1:]), *(r.name for r in rivals)])
            rest.append((t, f"it fits {steps[0].name}, but so does {other}" if rivals
                         else f"it fits {steps[0].name} and {other}"))
    return Matched(ids, tuple(rest))


def _declared(thing: Thing) -> str:
    """How a program declares it: ``sqs.Queue("Jobs")``."""
    name = "".join(w[:1].upper() + w[1:] for w in re.split(r"[^A-Za-z0-9]+", thing.name.rpartition(".")[2]))
    return f'{thing.type.removeprefix("aws.").replace(":", ".")}("{name}")'


def _fits(thing: Thing, urn: str, named: Mapping[str, str]) -> bool:
    name = name_of(urn)
    if thing.name in named:
        return named[thing.name] in (name, urn)
    return name not in named.values() and _plain(thing.name.rpartition(".")[2]) in (
        _plain(name), *([_plain(name.rpartition("/")[0])] if "/" in name else ()))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
