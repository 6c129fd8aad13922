"""A value that is set from outside of the program and never written in plain text."""
from __future__ import annotations

from .core.component import Component
from .core.graph import current
from .core.link import Link
from .core.names import valid_name
from .core.output import Output

__all__ = ["Secret"]


class Secret(Component, kind="sst.Secret"):
    """A secret of the stage, set with ``sst secret set NAME VALUE``.

        stripe = sst.Secret("StripeKey")
        aws.Function("Api", handler="src/api.handler", link=[stripe])      # Resource.StripeKey.value

    ``placeholder`` is used where neither the stage nor the fallback has a value. Without any, the deploy stops before
    the first call, naming every missing secret. The value is encrypted in state, masked in plans and logs, and reaches
    functions encrypted.
    """

    def __init__(self, name: str, placeholder: str | None = None) -> None:
        super().__init__(name)
        graph = current()
        value = graph.context.secrets.get(self.logical_name, placeholder)
        if value is None and valid_name(name):
            graph.problem(f'the secret "{self.logical_name}" has no value on stage {graph.stage}', where=self.where,
                          hint=f"sst secret set {self.logical_name} --stage {graph.stage}", code="secret-not-set")
        self.placeholder = placeholder
        self.value: Output[str] = Output(lambda _look: value or "", secret=True)

    def link(self) -> Link:
        return Link(self.logical_name, self.kind, {"value": self.value})
