"""Full-stack infrastructure in Python.

Names are loaded when they are first used: ``import sst`` costs next to nothing, and works inside a function's bundle,
where only ``sst.Resource`` and what it needs are there.
"""
TYPE_CHECKING = False  # known to type checkers; importing typing would cost more than all of this module

if TYPE_CHECKING:
    from . import aws as aws
    from . import stripe as stripe
    from . import vercel as vercel
    from .aws.permissions import permission as permission
    from .core.component import Component as Component
    from .core.later import later as later
    from .core.output import Input as Input
    from .core.output import Output as Output
    from .core.output import combine as combine
    from .core.transform import Transform as Transform
    from .dev_command import DevCommand as DevCommand
    from .errors import SstError as SstError
    from .errors import UserError as UserError
    from .linkable import Linkable as Linkable
    from .project.app import App as App
    from .project.app import AppInput as AppInput
    from .project.app import Stack as Stack
    from .project.config import Config as Config
    from .runtime import task as task
    from .runtime.resource import Resource as Resource
    from .secret import Secret as Secret

__version__ = "0.1.0"

_HOMES = {
    "App": "project.app",
    "AppInput": "project.app",
    "Component": "core.component",
    "Config": "project.config",
    "DevCommand": "dev_command",
    "Input": "core.output",
    "Linkable": "linkable",
    "Output": "core.output",
    "Resource": "runtime.resource",
    "Secret": "secret",
    "SstError": "errors",
    "Stack": "project.app",
    "Transform": "core.transform",
    "UserError": "errors",
    "combine": "core.output",
    "later": "core.later",
    "permission": "aws.permissions",
}
"""Public name → the module that has it."""
_MODULES = {"task": "runtime.task"}
"""Public name → the module that it is."""
_PACKAGES = ("aws", "cloudflare", "stripe", "vercel")

__all__ = [*_HOMES, "aws", "stripe", "task", "vercel"]  # noqa: PLE0604  # names only

if not TYPE_CHECKING:
    def __getattr__(name):
        from importlib import import_module

        home = _HOMES.get(name) or _MODULES.get(name) or (name if name in _PACKAGES else None)
        if home is None:
            from difflib import get_close_matches

            near = get_close_matches(name, [*_HOMES, *_MODULES, *_PACKAGES], n=1)
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}"
                                 + (f'; did you mean "{near[0]}"?' if near else ""))
        try:
            module = import_module(f"{__name__}.{home}")
        except ModuleNotFoundError as e:
            if not f"{__name__}.{home}.".startswith(f"{e.name}."):
                raise
            raise ImportError(_absent(name), name=e.name) from None
        value = module if name in _PACKAGES or name in _MODULES else getattr(module, name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})


def _absent(name: str) -> str:
    from importlib.util import find_spec

    if find_spec(f"{__name__}.core") is None:
        return (f"sst.{name} is for sst_config.py, at deploy time; a function's bundle holds sst.Resource alone "
                f"(a module that the function imports uses sst.{name})")
    return f"this version of sst has no sst.{name}"
