"""The plugin providers of one stage: which are called and which are simulated, their settings, their processes."""
from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from threading import RLock, Timer
from typing import Any

from ...core.provider import Provider
from ...core.resource import cloud_of
from ...core.schema import Argument, Schema
from ...errors import ProviderError, UserError
from ...plugins.source import Source, source_of
from ..context import StageContext
from .archives import ArchiveProvider
from .catalogue import Catalogue, active
from .configuration import configured
from .diagnostics import as_user_error, secret_texts
from .existing import likely_name
from .native import NATIVE, NativeProvider
from .plugin import Plugin, Refusal
from .pool import Pool
from .provider import PluginProvider
from .schema import python_name, wire_name
from .simulated import SimulatedProvider
from .types import Types
from .values import pack

__all__ = ["OWN_SETTINGS", "Plugins", "problems", "provider_settings"]

OWN_SETTINGS = ("env", "local", "version")
"""Settings of `Config(providers={"vercel": {...}})` that are ours, not the provider's."""
_WITHOUT_CLOUD = frozenset(f"hashicorp/{n}" for n in ("archive", "local", "null", "random", "time", "tls"))
"""Providers that have nothing to reach: they run on stage ``local`` too."""
PATIENCE = 3.0
"""Seconds after which the user hears that a provider is still being configured: some wait for a network."""
_ACTS_AS = "1.11.4"
"""The version of Terraform that plugins are told: some ask for a recent one."""


def provider_settings(given: object) -> dict[str, Any]:
    """What `Config(providers=...)` says of one provider; text is a version."""
    return {"version": given} if isinstance(given, str) else dict(given) if isinstance(given, Mapping) else {}


class Plugins:
    """``environment`` gives what a process needs to reach the cloud of the stage."""

    def __init__(self, context: StageContext, environment: Callable[[], Mapping[str, str]] = dict, *,
                 patience: float = PATIENCE) -> None:
        self._context, self._environment, self._patience = context, environment, patience
        self._own: Catalogue | None = None
        self._types: dict[str, Types] = {}
        self._lock = RLock()
        self.pool = Pool()

    @property
    def catalogue(self) -> Catalogue:
        there = active()
        if there is not None and there.root == self._context.root:
            return there
        with self._lock:
            if self._own is None:
                self._own = Catalogue(self._context.root, self._context.environ)
            return self._own

    def types(self, name: str) -> Types:
        with self._lock:
            if name not in self._types:
                one = self.catalogue.lock.named(name)
                self._types[name] = Types(name, self.catalogue.schemas(name), one.source.type)
            return self._types[name]

    def defaults(self, name: str) -> dict[str, Any]:
        return provider_settings(self._context.defaults.get(name, {}))

    def simulated(self, name: str) -> bool:
        """Whether its resources exist in the state alone."""
        if self._context.local is None:
            return False
        if not self.catalogue.has(name):
            if name in self.catalogue.lock.providers and self.defaults(name).get("local", "plan") != "plan":
                self.catalogue.schemas(name)    # raises what is wrong
            return True
        source = self.catalogue.lock.named(name).source
        return (self.defaults(name).get("local", "plan") == "plan"
                and f"{source.namespace}/{source.type}" not in _WITHOUT_CLOUD)

    def provider(self, reference: str, settings: Callable[[], Mapping[str, Any] | None]) -> Provider:
        """Of ``vercel``, or of ``vercel::Preview``; ``settings`` are those that the program gives to the latter, None
        while they are not known. Raises ``UserError`` for one that is not installed."""
        name = reference.partition("::")[0]
        if name in NATIVE and not self.catalogue.has(name):
            return ArchiveProvider(self._context.root) if name == "archive" else NativeProvider(name)
        if self.simulated(name):
            return SimulatedProvider(self.types(name) if self.catalogue.has(name) else None)
        one = self.catalogue.lock.named(name)
        types = self.types(name)

        def use() -> AbstractContextManager[Plugin] | None:
            known = settings()
            if known is None:
                return None
            key = f"{reference} {_digest(known)}"
            return self.pool.plugin(key, lambda: self._start(name, types, known))

        known = settings()
        shown = {} if known is None else {k: v for k, v in known.items() if not _secret(types, k)}
        fingerprint = "" if known is None else f"{one.source} {one.version} {_digest(shown)}"
        return PluginProvider(str(one), types, use, fingerprint, self._stop, self._origin)

    def _origin(self, type: str) -> tuple[Source, str]:
        """Its provider need not be in the lock any more, or have the type."""
        name, lock = cloud_of(type), self.catalogue.lock
        source = lock.providers[name].source if name in lock.providers else source_of(name)
        if self.catalogue.has(name):
            with contextlib.suppress(UserError):
                return source, self.types(name).own(type).name
        return source, likely_name(source, type)

    def default_settings(self, name: str) -> dict[str, Any]:
        """The provider's own settings in `Config(providers=...)`."""
        return {k: v for k, v in self.defaults(name).items() if k not in OWN_SETTINGS}

    def _start(self, name: str, types: Types, settings: Mapping[str, Any]) -> Plugin:
        config = self.checked(name, settings)
        more: dict[str, str] = dict(self.defaults(name).get("env", {}))
        if self._context.local is not None:
            if self.catalogue.lock.named(name).source.type == "aws":
                more = {**self._environment(), **more}
            if isinstance(place := self.defaults(name).get("local"), Mapping):
                more |= place.get("env", {})
        plugin = self.catalogue.start(name, {**self._context.environ, **more})
        block = types.schemas.settings.block
        sent = {"msgpack": pack(config, block.type)}
        late = Timer(self._patience, self.catalogue.note, [f"waiting for the provider {name} to get ready"])
        late.daemon = True
        late.start()
        try:
            if not types.schemas.capabilities.get("get_provider_schema_optional"):
                plugin.call("GetProviderSchema")    # such a plugin answers nothing else before
            plugin.call("ValidateProviderConfig", config=sent)
            plugin.call("ConfigureProvider", terraform_version=_ACTS_AS, config=sent)
        except Refusal as e:
            plugin.close()
            names = [python_name(k) for k, a in block.attributes.items() if a.secret]
            raise as_user_error(f"provider {name}", e, secret_texts(settings, names)) from e
        except BaseException:
            plugin.close()
            raise
        finally:
            late.cancel()
        return plugin

    def checked(self, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as the provider takes them. Raises ``UserError`` for what does not fit. Without a schema anything
        does."""
        if not self.catalogue.has(name) and self.simulated(name):
            return dict(settings)
        block = self.types(name).schemas.settings.block
        try:
            return configured(block, {wire_name(k): v for k, v in settings.items()})
        except ValueError as e:
            raise UserError(f"provider {name}: {e}") from None

    def instance_schema(self, type: str) -> Schema:
        """Of ``vercel.Provider``."""
        name = cloud_of(type)
        if not self.catalogue.has(name) and self.simulated(name):
            return Schema(type)
        self.catalogue.lock.named(name)
        block = self.types(name).schemas.settings.block
        return Schema(type, {python_name(k): Argument(required=a.required, secret=a.secret)
                             for k, a in block.attributes.items()}
                      | {python_name(k): Argument(secret=n.block.secret) for k, n in block.blocks.items()})

    def _stop(self) -> None:
        for plugin in self.pool.running():
            with contextlib.suppress(ProviderError, Refusal):
                plugin.call("StopProvider")

    def close(self) -> None:
        self.pool.close()
        self.pool = Pool()


def _secret(types: Types, name: str) -> bool:
    block = types.schemas.settings.block
    attribute, nested = block.attributes.get(wire_name(name)), block.blocks.get(wire_name(name))
    return bool((attribute and attribute.secret) or (nested and nested.block.secret))


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def problems(name: str, settings: object, catalogue: Catalogue | None) -> Iterator[UserError]:
    """What is wrong with `Config(providers={name: settings})` of a plugin."""
    given = provider_settings(settings)
    if not isinstance(settings, str | Mapping):
        yield UserError(f"providers: {name} takes a mapping of settings, or a version, not {settings!r}")
        return
    for key, wanted in (("version", str), ("env", Mapping)):
        if key in given and not isinstance(given[key], wanted):
            yield UserError(f"providers: {key} of {name} must be {'text' if wanted is str else 'a mapping'}, not "
                            f"{given[key]!r}")
    local = given.get("local", "plan")
    if local not in ("plan", "real") and not (isinstance(local, Mapping) and isinstance(local.get("env"), Mapping)):
        yield UserError(f"providers: local of {name} can't be {local!r}",
                        hint='"plan" simulates on stage local, "real" calls the provider, {"env": {...}} calls it with '
                             "these variables")
    if catalogue is None or not catalogue.has(name) or catalogue.store.find(catalogue.lock.named(name)) is None:
        return
    try:
        configured(catalogue.schemas(name).settings.block,
                   {wire_name(k): v for k, v in given.items() if k not in OWN_SETTINGS})
    except ValueError as e:
        yield UserError(f"providers: {name}: {e}")
