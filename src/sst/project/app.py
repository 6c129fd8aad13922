"""What the functions of ``sst_config.py`` are given: ``AppInput``, ``App`` and ``Stack``."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import field
from math import isfinite
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from ..core.component import Component
from ..core.graph import Graph, Removal
from ..core.output import Output, call_site
from ..core.resource import Resource
from ..core.transform import Transform
from ..errors import UserError
from ..records import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["App", "AppInput", "Stack"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class AppInput:
    """What ``config(input)`` may depend on."""

    stage: str
    """Name of the stage that the command works on."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A label for a part of the app: it groups what ``sst`` shows and what ``--target`` picks.

    It is not part of a resource's identity: moving a component to another stack changes nothing in the cloud.
    """

    name: str
    app: App

    @property
    def stage(self) -> str:
        return self.app.stage


@dataclass(eq=False)
class App:
    """The app, as ``stacks(app)`` or ``run(app)`` gets it.

        def stacks(app: sst.App) -> None:
            bucket = app.stack(data)
            app.stack(api, bucket)

        def data(stack: sst.Stack) -> aws.Bucket:
            return aws.Bucket("Uploads")

        def api(stack: sst.Stack, bucket: aws.Bucket) -> dict[str, object]:
            return {"url": aws.Function("Api", handler="src/api.handler", link=[bucket], url=True).url}
    """

    name: str
    stage: str
    region: str
    removal: Removal
    protect: bool
    graph: Graph = field(repr=False)
    outputs: dict[str, Any] = field(default_factory=dict, repr=False)
    """What the program returned so far; shown at the end and by ``sst outputs``."""

    @property
    def local(self) -> bool:
        """Whether this stage lives on this machine."""
        return self.graph.target.is_local

    @property
    def dev(self) -> bool:
        """Whether ``sst dev`` runs the program."""
        return self.graph.target.dev

    def stack(self, declare: Callable[Concatenate[Stack, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``declare(stack, *args, **kwargs)``; what it declares belongs to the stack of that function's name.

        Returns what the function returns, so that one stack can hand its components to another. A mapping is also added
        to the app's outputs, without the components in it.
        """
        if not callable(declare):
            raise UserError(f"app.stack takes a function, not {declare!r}", where=self.graph.short(call_site()),
                            hint="app.stack(api), not app.stack(api())")
        name = getattr(declare, "__name__", type(declare).__name__)
        with self._labelled(name):
            result = declare(Stack(name, self), *args, **kwargs)
        if isinstance(result, Mapping):
            self.add_outputs(result, f'stack "{name}"', call_site())
        return result

    def transform(self, kind: type[Component | Resource], change: Transform) -> None:
        """Change the arguments of everything of one kind that is declared after this: a mapping that is merged, or a
        function.

            app.transform(aws.Function, {"memory": "2048 MB"})
        """
        if not isinstance(kind, type) or not issubclass(kind, Component | Resource):
            raise UserError(f"app.transform takes a kind of component or resource first, not {kind!r}",
                            where=self.graph.short(call_site()), hint="app.transform(aws.Function, change)")
        self.graph.transforms.append((kind, change))

    def add_outputs(self, given: Mapping[Any, Any], what: str, where: str) -> None:
        """Keep a returned mapping as outputs; components in it are only handed on."""
        for key, value in given.items():
            if isinstance(value, Component | Resource):
                continue
            if not isinstance(key, str):
                self.graph.problem(f"{what} returns an output named {key!r}", hint="an output's name is text",
                                   where=where)
            elif problem := _unfit(value):
                self.graph.problem(f'{what} returns the output "{key}" with {problem}', where=where,
                                   hint="an output is text, a number, True, False, None, a list or a mapping of these, "
                                        "or an Output")
            elif key in self.outputs:
                self.graph.problem(f'{what} returns the output "{key}", which another stack returns too', where=where,
                                   hint="give each its own name")
            else:
                self.outputs[key] = value

    @contextmanager
    def _labelled(self, name: str) -> Iterator[None]:
        before, self.graph.stack = self.graph.stack, name
        try:
            yield
        finally:
            self.graph.stack = before


def _unfit(value: object) -> str:
    """What in an output's value can't be kept, or nothing."""
    match value:
        case float() if not isfinite(value):
            return f"the number {value}, which JSON can't hold"
        case Output() | None | str() | bool() | int() | float():
            return ""
        case Component() | Resource():
            return f"a {type(value).__name__} inside; name the property you want to see"
        case Mapping():
            return next((p for k, v in value.items()
                         if (p := _unfit(v) or ("" if isinstance(k, str) else f"the key {k!r}"))), "")
        case list() | tuple():
            return next((p for v in value if (p := _unfit(v))), "")
    return f"a {type(value).__name__}"
