"""What is in a Node bundle is deployed when it changes; what is not in it never is. Any layout, any edit."""
from __future__ import annotations

import os
import random
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sst.build.artefact import build, fingerprint
from sst.build.source import Source

from .projects import unpack, write
from .test_node import NODE, answer

pytestmark = pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
WORD = 'export const word: string = "{}";\n'
USES = 'import {{ word }} from "{}"; export const handler = async () => word;\n'

PLACES = {
    "a sibling package": {"packages/fn/api.ts": USES.format("../core/index"), "packages/fn/package.json": "{}",
                          "packages/core/package.json": "{}", "EDIT packages/core/index.ts": WORD},
    "an alias of tsconfig": {"packages/fn/api.ts": USES.format("@core/word"), "packages/fn/package.json": "{}",
                             "packages/fn/tsconfig.json": '{"extends": "../base.json" /* shared */}',
                             "packages/base.json":
                             '{"compilerOptions": {"baseUrl": ".", "paths": {"@core/*": ["core/*"]}}}',
                             "EDIT packages/core/word.ts": WORD},
    "JSON of a sibling": {"fn/api.ts": 'import d from "../data/d.json"; export const handler = async () => d.word;\n',
                          "fn/package.json": "{}", "EDIT data/d.json": '{{"word": "{}"}}'},
    "a template by a loader": {"fn/api.ts": 'import d from "./page.hbs"; export const handler = async () => d;\n',
                               "fn/package.json": "{}", "EDIT fn/page.hbs": "{}"},
    "a git-ignored client": {"fn/api.ts": USES.format("./generated/client"), ".gitignore": "generated/\n",
                             "fn/package.json": "{}",
                             "EDIT fn/generated/client.ts": WORD},
    "above the root": {"api.ts": USES.format("../shared/word"), "package.json": "{}", "EDIT ../shared/word.ts": WORD},
    "a patched package": {"api.ts": USES.format("lib"), "package.json": "{}", "package-lock.json": "{}",
                          "node_modules/lib/package.json": '{"name": "lib", "main": "i.js"}',
                          "EDIT node_modules/lib/i.js": 'exports.word = "{}";\n'},
    "a nested package": {"api.ts": USES.format("lib"), "package.json": "{}",
                         "node_modules/lib/package.json": '{"name": "lib", "main": "i.js"}',
                         "node_modules/lib/i.js": 'exports.word = require("deep").word;\n',
                         "node_modules/lib/node_modules/deep/package.json": '{"name": "deep", "main": "m.js"}',
                         "EDIT node_modules/lib/node_modules/deep/m.js": 'exports.word = "{}";\n'},
    "a dot folder": {"api.ts": USES.format("./.gen/word"), "EDIT .gen/word.ts": WORD},
}


@pytest.mark.parametrize("name", PLACES)
def test_an_edit_is_deployed_wherever_the_file_lies(name: str, tmp_path: Path, cache: Path) -> None:
    files = PLACES[name]
    ((edited, text),) = [(n.removeprefix("EDIT "), t) for n, t in files.items() if n.startswith("EDIT ")]
    root = write(tmp_path / "p", {n: t for n, t in files.items() if not n.startswith("EDIT ")})
    write(root, {edited: text.format("before"), "README.md": "", "unused/x.ts": "export const x = 1"})
    handler = next(n for n in files if n.endswith("api.ts")).replace(".ts", ".handler")
    source = Source(str(root), handler, NODE, nodejs={"loader": {".hbs": "text"}})
    first = fingerprint(source, cache=cache)
    write(root, {"README.md": "other", "unused/x.ts": "export const x = 2", "unused/new.ts": "", "src.log": "x"})
    assert fingerprint(source, cache=cache) == first
    write(root, {edited: text.format("after")})
    assert fingerprint(source, cache=cache) != first
    made = build(source, cache=cache)
    assert answer(unpack(made, tmp_path / "u"), made.handler) == "after"
    write(root, {edited: text.format("before")})
    assert fingerprint(source, cache=cache) == first


UNUSED = {
    "a comment": ("word.ts", "// what it says\n" + WORD.format("same")),
    "blank lines": ("word.ts", "\n\n" + WORD.format("same")),
    "a module without side effects": ("node_modules/lib/b.js", "export const b = 2;\n"),
    "a field of package.json": ("node_modules/lib/package.json",
                                '{"main": "i.js", "type": "module", "sideEffects": false, "license": "MIT"}'),
}


@pytest.mark.parametrize("name", UNUSED)
def test_what_esbuild_leaves_out_is_no_change(name: str, tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {
        "api.ts": 'import { word } from "./word"; import { a } from "lib";\n'
                  "export const handler = async () => word + a;\n",
        "package.json": "{}", "word.ts": WORD.format("same"),
        "node_modules/lib/package.json": '{"main": "i.js", "type": "module", "sideEffects": false}',
        "node_modules/lib/i.js": 'export { a } from "./a.js"; export { b } from "./b.js";\n',
        "node_modules/lib/a.js": "export const a = 1;\n", "node_modules/lib/b.js": "export const b = 1;\n"})
    source = Source(str(root), "api.handler", NODE)
    first = fingerprint(source, cache=cache)
    file, text = UNUSED[name]
    write(root, {file: text})
    assert fingerprint(source, cache=cache) == first == fingerprint(source, cache=tmp_path / "fresh")
    write(root, {"node_modules/lib/a.js": "export const a = 3;\n"})
    assert fingerprint(source, cache=cache) != first


WINNERS = {
    "a file before a folder": ({"word/index.ts": WORD.format("old")}, {"word.ts": WORD.format("new")}),
    "ts before js": ({"word.js": 'export const word = "old"'}, {"word.ts": WORD.format("new")}),
    "package.json of a folder": ({"word/index.ts": WORD.format("old"), "word/other.ts": WORD.format("new")},
                                 {"word/package.json": '{"main": "other.ts"}'}),
    "an import that was tried in vain": ({"conf/README.md": "", "word.ts": 'export let word = "old";\n'
                                          'try { word = require("./conf/mine").word } catch {}'},
                                         {"conf/mine.ts": WORD.format("new")}),
    "a file of a pattern": ({"lang/en.ts": "", "word.ts": 'const k = process.env.K ?? "de"; export let word = "old";\n'
                                                          "try { word = require(`./lang/${k}.ts`).word } catch {}"},
                            {"lang/de.ts": WORD.format("new")}),
    "a nearer node_modules": ({"../node_modules/lib/index.js": 'exports.word = "old"'},
                              {"node_modules/lib/index.js": 'exports.word = "new"'}),
    "a first path of an alias": ({"b/word.ts": WORD.format("old"),
                                  "tsconfig.json": '{"compilerOptions": {"paths": {"~/*": ["./a/*", "./b/*"]}}}'},
                                 {"a/word.ts": WORD.format("new")}),
    "tsconfig beside": ({"word.ts": WORD.format("old"), "other.ts": WORD.format("new")},
                        {"tsconfig.json": '{"compilerOptions": {"paths": {"./word": ["./other.ts"]}}}'}),
    "a link to another folder": ({"v1/word.ts": WORD.format("old"), "v2/word.ts": WORD.format("new"),
                                  "LINK now": "v1"}, {"LINK now": "v2"}),
    "a linked package": ({"../l1/index.js": 'exports.word = "old"', "../l2/index.js": 'exports.word = "new"',
                          "LINK node_modules/lib": "../../l1"},
                         {"LINK node_modules/lib": "../../l2"}),
}
IMPORTS = {"a nearer node_modules": "lib", "a linked package": "lib", "a first path of an alias": "~/word",
           "a link to another folder": "./now/word"}


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        if name.startswith("LINK "):
            link = root / name.removeprefix("LINK ")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            link.symlink_to(text)
        else:
            write(root, {name: text})


@pytest.mark.parametrize("name", WINNERS)
def test_what_would_now_be_found_first_is_deployed(name: str, tmp_path: Path, cache: Path) -> None:
    before, after = WINNERS[name]
    root = write(tmp_path / "p", {"api.ts": USES.format(IMPORTS.get(name, "./word")), "package.json": "{}"})
    put(root, before)
    source = Source(str(root), "api.handler", NODE, nodejs={"minify": False})
    first = fingerprint(source, cache=cache)
    assert fingerprint(source, cache=cache) == first
    put(root, after)
    fresh = fingerprint(source, cache=tmp_path / "fresh")
    assert fingerprint(source, cache=cache) == fresh
    made = build(source, cache=cache)
    said = answer(unpack(made, tmp_path / "u"), made.handler)
    assert said == "new" or (name == "tsconfig beside" and said == "old")
    assert (fresh != first) == (said == "new")


def layout(chance: random.Random) -> dict[str, str]:
    """Modules that import one another over folders, with and without endings, over aliases and packages."""
    folders = ["", "lib/", "lib/deep/", "../sibling/", "gen/"]
    files = [f"{chance.choice(folders)}m{n}{chance.choice(['.ts', '.js', '/index.ts'])}" for n in range(6)]
    found = {"package.json": "{}", ".gitignore": "gen/\n",
             "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./*"]}}}',
             "node_modules/pkg/package.json": '{"main": "i.js"}', "node_modules/pkg/i.js": 'exports.p = "p0";\n'}

    def way(to: str, start: str) -> str:
        target = to.removesuffix(".ts").removesuffix(".js").removesuffix("/index")
        if not (to + start).count("..") and chance.random() < 0.4:
            return f"@/{target}"
        found = os.path.relpath(f"/r/p/{target}", Path(f"/r/p/{start}").parent)
        return found if found.startswith(".") else f"./{found}"

    for n, file in enumerate(files):
        others = [o for o in range(n + 1, 6) if chance.random() < 0.5]
        package = not file.startswith("../") and chance.random() < 0.3
        lines = [f'import {{ m{o} }} from "{way(files[o], file)}";'
                 for o in others] + ['import { p } from "pkg";'] * package
        total = " + ".join([f'"{n}-0"', *(f"m{o}" for o in others), *["p"] * package])
        found[file] = "\n".join([*lines, f"export const m{n} = {total};", ""])
    return {**found,
            "api.ts": f'import {{ m0 }} from "{way(files[0], "api.ts")}"; export const handler = async () => m0;\n'}


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
@pytest.mark.long
def test_the_fingerprint_is_what_a_fresh_run_of_esbuild_would_say(seed: int,
                                                                  tmp_path_factory: pytest.TempPathFactory) -> None:
    """After any edit: it changes exactly if the answer changes, and equals that of a machine without our memory."""
    chance, place = random.Random(seed), tmp_path_factory.mktemp("layout")
    root = write(place / "p", files := layout(chance))
    source = Source(str(root), "api.handler", NODE, nodejs={"minify": False})
    known, said = "", None
    for step in range(1, 5):
        now = fingerprint(source, cache=place / "cache")
        assert now == fingerprint(source, cache=place / f"fresh{step}")
        made = build(source, cache=place / "cache")
        answered = answer(unpack(made, place / f"u{step}"), made.handler)
        assert (now == known) == (answered == said)
        known, said = now, answered
        edited = root / chance.choice([n for n in files if n.endswith((".ts", ".js")) and n != "api.ts"])
        edited.write_text(re.sub(r'([-p])\d"', rf'\g<1>{step}"', edited.read_text()))
