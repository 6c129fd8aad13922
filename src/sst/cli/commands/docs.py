"""``sst docs``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("docs")
@click.argument("word", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 50), default=3, help="At most so many sections. Default: 3.")
def docs(call: Call, word: tuple[str, ...], limit: int) -> None:
    """Search the manual of this version and print what fits, as Markdown.

    Without WORDs, lists the pages. `sst docs dev.md` prints one page.
    """
    from ...errors import UserError
    from ..manual import find_sections, pages

    screen = call.screen
    if not word:
        found = pages()
        if screen.as_json:
            screen.data([{"page": p.name, "title": p.title} for p in found])
        else:
            screen.table([(p.name, p.title) for p in found])
        return
    wanted = " ".join(word)
    whole = next((p for p in pages() if wanted in (p.name, p.name.removesuffix(".md"))), None)
    sections = [*whole.sections] if whole else find_sections(wanted)[:limit]
    if not sections:
        raise UserError(f'the manual has nothing on "{wanted}"', hint="`sst docs` lists its pages", code="unknown-name")
    if screen.as_json:
        screen.data([{"page": s.page, "heading": s.heading, "text": s.text} for s in sections])
    else:
        text = "\n".join(s.text for s in sections) if whole else \
            "\n".join(f"<!-- {s.page} -->\n{s.text}" for s in sections)
        screen.out.write(text + "\n")
