"""What ``config(input)`` returns, and the check of it."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, fields
from typing import TYPE_CHECKING, Any

from ..clouds.regions import is_region
from ..core.graph import Removal
from ..core.units import dollars
from ..errors import Problems, SstError, UserError
from ..machine.container_engine import ENGINES
from ..records import dataclass

__all__ = ["Config", "check_config", "check_version"]

REMOVALS = ("remove", "retain", "retain-all")
HOMES = ("aws", "local")
NAME_LIMIT = 40


class _Known(type):
    """Turns a misspelt option into an error that names the right one."""

    if not TYPE_CHECKING:
        def __call__(cls, *given, **named):
            if given:
                raise UserError("Config takes its options by name", hint='Config(name="my-app", ...)')
            if problems := [_unknown(k) for k in named if k not in _FIELDS]:
                raise Problems(problems) if len(problems) > 1 else problems[0]
            return super().__call__(**{"name": "", **named})


@dataclass(frozen=True, kw_only=True)
class Config(metaclass=_Known):
    """An app's settings for one stage.

    >>> Config(name="my-app", region="us-east-1", removal="retain").name
    'my-app'
    """

    name: str
    """The app's name: starts with a letter; letters, digits, hyphens; at most 40 characters. Changing it makes another
    app."""
    region: str | None = None
    """AWS region, ``"eu-west-1"``. Default: ``AWS_REGION``, ``AWS_DEFAULT_REGION``, then the profile's; stage
    ``local``: ``us-east-1``."""
    profile: str | None = None
    """AWS profile. ``AWS_PROFILE`` and access keys in the environment win over it, so that CI needs no profile."""
    account: str | None = None
    """The only AWS account (12 digits) this stage may be deployed to; default: the one it was first deployed to."""
    home: str = "aws"
    """Where state is kept: ``"aws"`` (a bucket in the account) or ``"local"`` (this machine). Stage ``local`` is always
    on this machine."""
    removal: Removal | None = None
    """What happens to things that leave the program: ``"remove"`` deletes them, ``"retain"`` keeps those that hold
    data, ``"retain-all"`` keeps everything. Default ``"retain"``; ``"remove"`` on stage ``local``."""
    protect: bool = False
    """Refuse ``sst remove`` and every loss of data on this stage."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags put on everything that takes tags, beside ``sst:app`` and ``sst:stage``. At most 40."""
    providers: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the default provider instances, by the name of the cloud: ``{"aws": {"role_arn": "arn:aws:..."}}``.
    Regions and accounts beside the default one are declared in the program: ``aws.Provider("Us", region=...)``."""
    version: str | None = None
    """The versions of this tool that may deploy the app: ``">=0.1,<1"``."""
    registry: str = "public.ecr.aws/docker/library"
    """Where the images come from that those of containers stand on: ``<registry>/python:3.12-slim``."""
    watch: Sequence[str] = ()
    """Further folders whose changes redeploy in ``sst dev``; relative to the config file."""
    budget: Mapping[str, str] = field(default_factory=dict)
    """The fixed cost that the stage may have: ``{"monthly": "50 USD", "above": "refuse"}``. ``above`` is ``"warn"``,
    the default, or ``"refuse"``, which stops a deploy before its first change."""
    local: Mapping[str, str] = field(default_factory=dict)
    """Of stage ``local``: with ``{"engine": "podman"}`` or ``"docker"`` that engine of this machine runs the containers
    that have an ``image``. Without it, the default, such containers need code beside the image."""


_FIELDS = tuple(f.name for f in fields(Config))
_OLD = {"removal_policy": "removal", "removalPolicy": "removal", "stage": "`sst deploy --stage`", "backend": "home"}


def _unknown(key: object) -> UserError:
    from difflib import get_close_matches

    near = get_close_matches(str(key), _FIELDS, n=1)
    better = _OLD.get(str(key)) or (f'"{near[0]}"' if near else "")
    return UserError(f'the config has no option "{key}"',
                     hint=f"did you mean {better}?" if better else f"it has {', '.join(_FIELDS)}")


def check_config(value: object, where: str = "") -> Config:
    """The config that ``config(input)`` returned, a ``Config`` or a mapping; all that is wrong with it is raised in one
    report."""
    if isinstance(value, Config):
        given: dict[str, Any] = {f: getattr(value, f) for f in _FIELDS}
    elif isinstance(value, Mapping):
        given = dict(value)
    else:
        what = "nothing" if value is None else f"a {type(value).__name__}"
        raise UserError(f"config() returned {what}", hint="it returns sst.Config(name=..., ...) or a mapping",
                        where=where)
    problems: list[SstError] = [_unknown(k) for k in given if k not in _FIELDS]
    for name, check in _CHECKS.items():
        if name in given or name == "name":
            problems += check(given.get(name))
    if problems:
        for p in problems:
            p.where = p.where or where
        raise Problems(problems) if len(problems) > 1 else problems[0]
    return Config(**given)


def _name(value: object) -> Iterator[UserError]:
    if not value:
        yield UserError("the config has no name", hint='Config(name="my-app")')
    elif not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", value):
        yield UserError(f"the app's name {value!r} is not valid",
                        hint="it starts with a letter and holds letters, digits and hyphens only")
    elif len(value) > NAME_LIMIT:
        yield UserError(f"the app's name is {len(value)} characters long; {NAME_LIMIT} is the limit")


def _region(value: object) -> Iterator[UserError]:
    if value is not None and not (isinstance(value, str) and is_region(value)):
        yield UserError(f"region {value!r} is not a region's name", hint='like "us-east-1"')


def _account(value: object) -> Iterator[UserError]:
    if value is not None and not (isinstance(value, str) and re.fullmatch(r"\d{12}", value)):
        yield UserError(f"account {value!r} is not an AWS account", hint='12 digits in quotes: "123456789012"')


def _one_of(option: str, allowed: Sequence[str], *, none: bool = False) -> Callable[[object], Iterator[UserError]]:
    def check(value: object) -> Iterator[UserError]:
        if value not in allowed and not (none and value is None):
            from difflib import get_close_matches

            near = get_close_matches(str(value), allowed, n=1)
            words = " or ".join(f'"{a}"' for a in allowed)
            yield UserError(f"{option} can't be {value!r}",
                            hint=f'did you mean "{near[0]}"?' if near else f"it is {words}")
    return check


def _text(option: str) -> Callable[[object], Iterator[UserError]]:
    def check(value: object) -> Iterator[UserError]:
        if value is not None and not (isinstance(value, str) and value):
            yield UserError(f"{option} must be text, not {value!r}")
    return check


def _protect(value: object) -> Iterator[UserError]:
    if not isinstance(value, bool):
        yield UserError(f"protect must be True or False, not {value!r}")


def _tags(value: object) -> Iterator[UserError]:
    if not isinstance(value, Mapping):
        yield UserError(f"tags must be a mapping, not {value!r}", hint='tags={"team": "web"}')
        return
    if len(value) > 40:
        yield UserError(f"there are {len(value)} tags; 40 is the limit")
    for k, v in value.items():
        if not isinstance(k, str) or not isinstance(v, str):
            yield UserError(f"tag {k!r} must have text for its name and value, not {v!r}")
        elif k.lower().startswith(("aws:", "sst:")):
            yield UserError(f'tag "{k}" has a prefix that is taken', hint="choose one without aws: or sst:")
        elif not 0 < len(k) <= 128 or len(v) > 256:
            yield UserError(f'tag "{k[:30]}" is too long or empty',
                            hint="a name has 1 to 128 characters, a value at most 256")


def _providers(value: object) -> Iterator[UserError]:
    if not isinstance(value, Mapping):
        yield UserError(f"providers must be a mapping, not {value!r}", hint='providers={"aws": {...}}')
        return
    from ..clouds.settings import problems

    for name, settings in value.items():
        yield from problems(name, settings)


def _version(value: object) -> Iterator[UserError]:
    if value is None:
        return
    try:
        _ranges(value)
    except ValueError:
        yield UserError(f"version {value!r} is not a range of versions", hint='like ">=0.1,<1"')


def _registry(value: object) -> Iterator[UserError]:
    if not (isinstance(value, str) and re.fullmatch(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*", value)):
        yield UserError(f"registry {value!r} is not a registry of images",
                        hint='a host, and a path if it has one: "public.ecr.aws/docker/library"')


def _watch(value: object) -> Iterator[UserError]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) for v in value):
        yield UserError(f"watch must be a list of folders, not {value!r}")


def _budget(value: object) -> Iterator[UserError]:
    if not isinstance(value, Mapping):
        yield UserError(f"budget must be a mapping, not {value!r}", hint='budget={"monthly": "50 USD"}')
        return
    if not value:
        return
    for key in value:
        if key not in ("monthly", "above"):
            yield UserError(f"budget has no option {key!r}", hint="it has monthly and above")
    try:
        dollars(value.get("monthly"), what="budget monthly")
    except UserError as e:
        yield e
    yield from _one_of("budget above", ("warn", "refuse"))(value.get("above", "warn"))


def _local(value: object) -> Iterator[UserError]:
    if not isinstance(value, Mapping):
        yield UserError(f"local must be a mapping, not {value!r}", hint='local={"engine": "podman"}')
        return
    for key in value:
        if key != "engine":
            yield UserError(f"local has no option {key!r}", hint="it has engine")
    if "engine" in value:
        yield from _one_of("local engine", ENGINES)(value["engine"])


_CHECKS: dict[str, Callable[[object], Iterator[UserError]]] = {
    "name": _name, "region": _region, "profile": _text("profile"), "account": _account, "home": _one_of("home", HOMES),
    "removal": _one_of("removal", REMOVALS, none=True), "protect": _protect, "tags": _tags, "providers": _providers,
    "version": _version, "watch": _watch, "registry": _registry, "budget": _budget,
    "local": _local,
}

_RANGE = re.compile(r"\s*(>=|<=|==|!=|~=|>|<|)\s*v?(\d+(?:\.\d+){0,2})\s*\Z")


def _ranges(text: object) -> list[tuple[str, tuple[int, ...]]]:
    if not isinstance(text, str) or not text.strip():
        raise ValueError(text)
    found = []
    for part in text.split(","):
        if not (m := _RANGE.match(part)):
            raise ValueError(part)
        found.append((m[1] or "==", tuple(int(n) for n in m[2].split("."))))
    return found


def check_version(wanted: str | None, have: str, where: str = "") -> None:
    """Raise ``UserError`` if this tool's version ``have`` is outside ``wanted`` (``">=0.1,<1"``; ``"0.3"`` means any
    0.3.x)."""
    if wanted is None:
        return
    mine = tuple(int(n) for n in re.findall(r"\d+", have)[:3])

    def fits(op: str, v: tuple[int, ...]) -> bool:
        full = (*v, 0, 0)[:3]
        match op:
            case "==":
                return mine[: len(v)] == v
            case "!=":
                return mine[: len(v)] != v
            case "~=":
                return mine >= full and mine[: max(1, len(v) - 1)] == v[: max(1, len(v) - 1)]
            case ">=" | ">":
                return mine > full or (op == ">=" and mine == full)
        return mine < full or (op == "<=" and mine == full)

    if not all(fits(op, v) for op, v in _ranges(wanted)):
        raise UserError(f'the config asks for version "{wanted}", this is {have}', where=where,
                        hint="install a version that fits, or change version= in the config", code="wrong-version")
