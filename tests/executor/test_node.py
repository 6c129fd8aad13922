"""Node functions: modules of both kinds, promises and callbacks, errors, what they print."""
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from .stage import Stage, play


@pytest.mark.parametrize(("file", "source"), [
    ("index.js", "exports.handler = async (event) => ({got: event})"),
    ("src/fn.cjs", "exports.handler = (event, context, callback) => setTimeout(() => callback(null, {got: event}), 5)"),
    ("index.mjs", "const one = await Promise.resolve(1); export const handler = async (event) => ({got: event})"),
    ("index.js", "exports.handler = (event, context) => { setTimeout(() => context.succeed({got: event}), 5) }"),
])
def test_a_value_goes_in_and_out(tmp_path: Path, file: str, source: str) -> None:
    async def story(stage: Stage) -> None:
        assert await stage.value(stage.function(source, file=file), ["ä"]) == {"got": ["ä"]}

    play(tmp_path, story)


def test_a_package_json_decides_what_js_is(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("export const handler = async () => import.meta.url.length > 0", file="index.js")
        (fn.code / "package.json").write_text('{"type": "module"}')
        assert await stage.value(fn) is True

    play(tmp_path, story)


def test_what_is_under_default_alone_is_not_found_as_on_lambda(tmp_path: Path) -> None:
    """Source: https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/blob/main/src/UserFunction.js"""
    async def story(stage: Stage) -> None:
        fn = stage.function("export default { handler: async () => 1 }", file="index.mjs")
        assert (await stage.failure(fn))["errorType"] == "Runtime.HandlerNotFound"

    play(tmp_path, story)


def test_an_error_keeps_the_sandbox_and_names_the_users_lines(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            class MyErr extends Error { constructor(m) { super(m); this.name = "MyErr"; } }
            let calls = 0;
            exports.handler = async (event) => {
              calls++;
              if (event === "raise") throw new MyErr("why");
              if (event === "string") throw "a string";
              if (event === "loop") { const a = {}; a.a = a; return a; }
              if (event === "big") return 1n;
              return calls;
            };
        """, file="index.js")
        error = await stage.failure(fn, "raise")
        assert (error["errorType"], error["errorMessage"]) == ("MyErr", "why")
        assert error["trace"][0] == "MyErr: why" and "index.js:6" in error["trace"][1] and len(error["trace"]) == 2
        assert (await stage.failure(fn, "string"))["errorMessage"] == "a string"
        assert (await stage.failure(fn, "loop"))["errorType"] == "Runtime.MarshalError"
        assert (await stage.failure(fn, "big"))["errorType"] == "Runtime.MarshalError"
        assert await stage.value(fn) == 5
        assert "\tERROR\tInvoke Error \t{" in next(line for line in stage.lines if "MyErr" in line)

    play(tmp_path, story)


@pytest.mark.parametrize(("source", "kind", "message"), [
    ("require('nothing-here')", "Runtime.ImportModuleError", "Cannot find module 'nothing-here'"),
    ("exports.other = 1", "Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
    ("exports.handler = (", "Runtime.UserCodeSyntaxError", ""),
    ("throw new RangeError('at init')", "RangeError", "at init"),
    ("process.exit(7)", "Runtime.ExitError", "exit status 7"),
])
def test_an_init_that_fails_says_so(tmp_path: Path, source: str, kind: str, message: str) -> None:
    async def story(stage: Stage) -> None:
        error = await stage.failure(stage.function(source, file="index.js"))
        assert error["errorType"] == kind and message in error["errorMessage"]

    play(tmp_path, story)


def test_errors_nobody_catches_end_the_process(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            exports.handler = async (event) => {
              if (event === "reject") Promise.reject(new Error("lost"));
              if (event === "throw") setTimeout(() => { throw new TypeError("later"); }, 1);
              if (event) await new Promise((r) => setTimeout(r, 5000));
              return "fine";
            };
        """, file="index.js")
        rejected = await stage.failure(fn, "reject")
        assert (rejected["errorType"], rejected["errorMessage"]) == ("Runtime.UnhandledPromiseRejection", "lost")
        thrown = await stage.failure(fn, "throw")
        assert (thrown["errorType"], thrown["errorMessage"]) == ("TypeError", "later")
        assert await stage.value(fn) == "fine"

    play(tmp_path, story)


def test_console_lines_look_as_on_lambda(tmp_path: Path) -> None:
    source = """
        console.log("init");
        exports.handler = async (event, context) => {
          console.warn("two\\nlines %d", 5);
          process.stdout.write("plain\\n");
          for (let i = 0; i < 2000; i++) console.log("x".repeat(100));
          return [context.functionName, context.memoryLimitInMB, context.getRemainingTimeInMillis() > 9000];
        };
    """

    async def story(stage: Stage) -> None:
        made = await stage.executor.invoke(stage.function(source, file="index.js"), b"{}", request_id="r-1")
        assert json.loads(made.payload) == ["f", "256", True]
        assert stage.lines[0].endswith("\tundefined\tINFO\tinit") and "plain" in stage.lines
        assert re.fullmatch(r"[-\dT:.]+Z\tr-1\tWARN\ttwo\nlines 5", stage.lines[2])
        assert sum(line.endswith("x" * 100) for line in stage.lines) == 2000

    play(tmp_path, story)


def test_another_version_of_node_is_told_once(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("exports.handler = async () => process.version", file="index.js", runtime="nodejs99.x")
        major = (await stage.value(fn)).removeprefix("v").split(".")[0]
        assert [line for line in stage.lines if line.startswith("sst:")] == [
            f"sst: there is no Node 99 on this machine; this function runs on Node {major}"]

    play(tmp_path, story)


def test_a_layer_and_no_node_at_all(tmp_path: Path) -> None:
    place = tmp_path / "layer/nodejs/node_modules/layered"
    place.mkdir(parents=True)
    (place / "index.js").write_text("module.exports = 'layered'")

    async def story(stage: Stage) -> None:
        source = "exports.handler = async () => require('layered')"
        assert await stage.value(stage.function(source, file="index.js", layers=(tmp_path / "layer",))) == "layered"

    async def without(stage: Stage) -> None:
        error = await stage.failure(stage.function("", file="index.js"))
        assert error["errorType"] == "Runtime.InvalidEntrypoint" and "needs Node" in error["errorMessage"]

    play(tmp_path / "a", story)
    play(tmp_path / "b", without, host={"PATH": "/nonexistent"})
