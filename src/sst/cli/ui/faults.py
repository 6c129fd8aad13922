"""How errors look: what, where in the user's files, the cloud's words, and the next step."""
from __future__ import annotations

from collections.abc import Iterator

from ...errors import DeployError, Problems, SstError, UserError
from .progress import DID
from .style import Marks, Paint

__all__ = ["fault_lines"]




def fault_lines(error: BaseException, marks: Marks, paint: Paint) -> Iterator[str]:
    """The lines of one error.

        ✗ Queue "Jobs" (sst_config.py:12) could not be updated
          InvalidAttributeValue: ...   [sqs set_queue_attributes, request 5f1…]
          hint: visibility must be at most 12 hours; it is "13 hours"
    """
    match error:
        case Problems():
            for inner in error.errors:
                yield from fault_lines(inner, marks, paint)
            yield paint(f"  {len(error.errors)} problems; nothing was changed", "dim")
        case DeployError():
            for f in error.failures:
                at = f" ({f.where})" if f.where else ""
                kind = f.type.rpartition(".")[2] or f.type
                did = next((words for op, words in DID.items() if op == f.op), f.op)
                fate = "may exist" if f.op == "unsure" else f"could not be {did}"
                yield f'{paint(marks.failed, "red")} {kind} "{f.name}"{paint(at, "dim")} {fate}'
                yield from _cause(f.error, paint)
            if error.skipped:
                yield paint(f"  {error.skipped} more waited for {'these' if len(error.failures) > 1 else 'it'} and "
                            "were not tried", "dim")
        case SstError():
            at = f" ({error.where})" if error.where else ""
            first, *rest = (error.message if isinstance(error, UserError) else _message(error)).split("\n")
            yield f"{paint(marks.failed, 'red')} {first}{paint(at, 'dim')}"
            yield from (f"  {line}" for line in rest)
            if error.hint:
                yield from _hint(error.hint, paint)
        case _:
            yield f"{paint(marks.failed, 'red')} {type(error).__name__}: {error}"


def _message(error: SstError) -> str:
    """The error's text without place and hint, which have their own spots."""
    return str(error).removesuffix(f"\n  hint: {error.hint}").removesuffix(f" ({error.where})")


def _cause(error: Exception, paint: Paint) -> Iterator[str]:
    text = _message(error) if isinstance(error, SstError) else f"{type(error).__name__}: {error}"
    yield from (f"  {line}" for line in text.split("\n"))
    if hint := getattr(error, "hint", ""):
        yield from _hint(hint, paint)


def _hint(hint: str, paint: Paint) -> Iterator[str]:
    first, *rest = hint.split("\n")
    yield f"  {paint('hint:', 'cyan')} {first}"
    yield from (f"        {line}" for line in rest)
