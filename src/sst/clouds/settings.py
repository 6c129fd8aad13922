"""Settings of default provider instances, as `Config(providers=...)` takes them."""
from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..core.names import did_you_mean
from ..errors import UserError

__all__ = ["CLOUDS", "configured_region", "problems"]

CLOUDS: Mapping[str, tuple[str, ...]] = {
    "aws": ("account", "external_id", "profile", "region", "role_arn", "session_name"),
}
"""What each cloud can be told. Keys and tokens are not among them: they come from the environment or a profile."""


def problems(name: object, settings: object) -> Iterator[UserError]:
    """What is wrong with the settings of one cloud."""
    if name not in CLOUDS:
        yield from _plugin_problems(str(name), settings)
        return
    if not isinstance(settings, Mapping):
        yield UserError(f"providers: {name} takes a mapping of settings, not {settings!r}",
                        hint=f"known: {', '.join(CLOUDS[str(name)])}")
        return
    for key, value in settings.items():
        if key not in CLOUDS[str(name)]:
            yield UserError(f"providers: {name} has no setting {key!r}",
                            hint=did_you_mean(str(key), list(CLOUDS[str(name)])))
        elif not isinstance(value, str):
            yield UserError(f"providers: {key} of {name} must be text, not {value!r}")


def _plugin_problems(name: str, settings: object) -> Iterator[UserError]:
    from ..plugins.source import known_names
    from .terraform.catalogue import active
    from .terraform.plugins import problems as plugin_problems

    catalogue = active()
    if not (catalogue and name in catalogue.lock.providers) and name not in known_names():
        installed = list(catalogue.lock.providers) if catalogue else []
        yield UserError(f"providers: there is no provider {name!r}",
                        hint=f"{did_you_mean(name, [*CLOUDS, *installed])}; another one is added by: sst add {name}")
        return
    yield from plugin_problems(name, settings, catalogue)


def configured_region(profile: str | None, environ: Mapping[str, str]) -> str:
    """The region that the files of the default cloud name for this profile; empty if they name none."""
    from .aws.profile import region_of_profile

    return region_of_profile(profile, environ)
