"""``sst graph``"""
from __future__ import annotations

import json
from pathlib import Path

import click

from ..call import Call, command

FORMATS = ("text", "svg", "mermaid", "json")
_ENDINGS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".md": "mermaid", ".json": "json", ".txt": "text"}


@command("graph")
@click.argument("name", nargs=-1)
@click.option("--plan", is_flag=True, help="Mark what the next deploy would change.")
@click.option("--format", "form", type=click.Choice(FORMATS),
              help="Default: by the ending of FILE, else text; json with --json.")
@click.option("-o", "--output", metavar="FILE", help="Write it to FILE: .svg, .mmd, .md, .json or .txt.")
@click.option("--check", is_flag=True, help="Exit with 1 if FILE holds another graph. Changes nothing.")
def graph(call: Call, name: tuple[str, ...], plan: bool, form: str | None, output: str | None, check: bool) -> int:
    """Draw the app: who calls whom, and who may use what.

    From the state, so it shows what is deployed; with NAMEs, only these components and their neighbours.
    The same state gives the same file, so it can be committed and checked in CI.
    """
    from ...console.mermaid import mermaid
    from ...console.model import planned, view_of
    from ...console.svg import svg
    from ...console.tree import tree
    from ...core.names import did_you_mean
    from ...errors import UserError
    from ...project.picture import picture
    from ...project.run import diff

    screen = call.screen
    form = form or _form(call, output)
    project = call.project()
    backend = call.backend(project)
    with screen.result_only():
        found = picture(backend, empty=plan)
        view = view_of(found, name)
        if name and not view.picture.parts:
            raise UserError(f'there is no component "{name[0]}"',
                            hint=did_you_mean(name[0], [p.name for p in found.parts]) or "see `sst graph`",
                            code="unknown-name")
        if plan:
            planned(view, diff(backend, hide=screen.hide)[0])
    made = svg(view) if form == "svg" else mermaid(view) if form == "mermaid" else \
        json.dumps(view.json(), indent=2) + "\n" if form == "json" else "\n".join(tree(view)) + "\n"
    if output and form == "mermaid" and output.endswith(".md"):
        made = f"```mermaid\n{made}```\n"
    if not output:
        screen.out.write(screen.redact(made))
        return 0
    file = Path(call.cwd, output)
    if check:
        if file.is_file() and file.read_text(encoding="utf-8") == made:
            return 0
        raise UserError(f"{output} holds another graph", hint=f"`sst graph -o {output}` writes it")
    file.write_text(made, encoding="utf-8")
    screen.done(f"{len(view.picture.parts)} components are drawn in {output}")
    return 0


def _form(call: Call, output: str | None) -> str:
    from ...errors import UserError

    if output is None:
        return "json" if call.as_json else "text"
    ending = Path(output).suffix
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    raise UserError(f"sst graph can't write {ending or 'a file without an ending'}",
                    hint="it writes .svg (which browsers, GitHub and Figma open), .mmd, .md, .json and .txt")
