"""Python functions: values, errors with Lambda's types, the context, what they print and what they see."""
from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
from pathlib import Path

import pytest

from sst.executor.interpreters import Interpreters

from .stage import Stage, play

ERRORS = """
import sys, os
class MyErr(Exception):
    pass
calls = 0
def inner():
    raise MyErr("why")
def handler(event, context):
    global calls
    calls += 1
    if event == "raise":
        inner()
    if event == "set":
        return {1, 2}
    if event == "exit":
        sys.exit(3)
    if event == "exit0":
        os._exit(0)
    if event == "signal":
        os.kill(os.getpid(), 11)
    return calls
"""


def test_a_value_goes_in_and_out(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            from decimal import Decimal
            def handler(event, context):
                return {"event": event, "umlaut": "ä", "decimal": Decimal("1.5")}
        """)
        made = await stage.call(fn, {"a": [1, "ö"]})
        assert json.loads(made.payload) == {"event": {"a": [1, "ö"]}, "umlaut": "ä", "decimal": 1.5}
        assert (made.error, made.cold) == ("", True) and made.init_ms > 0 and made.max_memory_mb > 0
        assert not (await stage.call(fn)).cold

    play(tmp_path, story)


def test_an_exception_has_its_type_and_the_functions_own_frames_and_keeps_the_sandbox(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(ERRORS)
        error = await stage.failure(fn, "raise")
        assert (error["errorType"], error["errorMessage"]) == ("MyErr", "why")
        assert re.fullmatch("[0-9a-f-]{36}", error["requestId"])
        assert [re.sub(r"/.*/", "/", frame.splitlines()[0]) for frame in error["stackTrace"]] == [
            '  File "/app.py", line 12, in handler', '  File "/app.py", line 7, in inner']
        made = await stage.call(fn)
        assert (json.loads(made.payload), made.cold) == (2, False)
        text = next(line for line in stage.lines if line.startswith("[ERROR]"))
        assert text.startswith("[ERROR] MyErr: why\nTraceback (most recent call last):\n  File")

    play(tmp_path, story)


def test_a_value_that_is_no_json_is_a_marshal_error(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        error = await stage.failure(stage.function(ERRORS), "set")
        assert error["errorType"] == "Runtime.MarshalError"
        assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"

    play(tmp_path, story)


@pytest.mark.parametrize(("event", "how"), [("exit", "with error: exit status 3"),
                                            ("exit0", "without providing a reason"),
                                            ("signal", "with error: signal: segmentation fault")])
def test_a_process_that_ends_is_an_exit_error_and_the_next_call_gets_a_new_one(
    tmp_path: Path, event: str, how: str
) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(ERRORS)
        assert await stage.value(fn) == 1
        error = await stage.failure(fn, event)
        assert error["errorType"] == "Runtime.ExitError"
        assert re.fullmatch(f"RequestId: [0-9a-f-]+ Error: Runtime exited {how}", error["errorMessage"])
        assert stage.lines[-1].endswith("Status: error\tError Type: Runtime.ExitError")
        assert await stage.value(fn) == 1

    play(tmp_path, story)


@pytest.mark.parametrize(("source", "handler", "kind", "message"), [
    ("import nothing_here", "app.handler", "Runtime.ImportModuleError",
     "Unable to import module 'app': No module named 'nothing_here'"),
    ("", "other.handler", "Runtime.ImportModuleError", "Unable to import module 'other': No module named 'other'"),
    ("", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
    ("", "handler", "Runtime.MalformedHandlerName",
     "Bad handler 'handler': not enough values to unpack (expected 2, got 1)"),
    ("def f(:", "app.handler", "Runtime.UserCodeSyntaxError",
     "Syntax error in module 'app': invalid syntax (app.py, line 1)"),
    ("1/0", "app.handler", "ZeroDivisionError", "division by zero"),
    ("import sys; sys.exit(4)", "app.handler", "Runtime.ExitError", "Error: Runtime exited with error: exit status 4"),
])
def test_an_init_that_fails_says_so_in_lambdas_words(tmp_path: Path, source: str, handler: str, kind: str,
                                                     message: str) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(source, handler=handler)
        error = await stage.failure(fn)
        assert error["errorType"] == kind and error["errorMessage"].endswith(message)
        assert stage.lines[-1].endswith(f"Status: error\tError Type: {kind}")
        ended = [line for line in stage.lines if line.endswith(message)]
        assert len(ended) == (kind == "Runtime.ExitError"), "the runtime tells the others in words of its own"
        (fn.code / "app.py").write_text("def handler(event, context): return 'healed'")
        if handler == "app.handler":
            assert await stage.value(fn) == "healed"

    play(tmp_path, story)


def test_the_context_tells_what_lambdas_does(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            def handler(event, c):
                return [c.aws_request_id, c.function_name, c.function_version, c.invoked_function_arn,
                        c.memory_limit_in_mb, c.log_group_name, c.log_stream_name, c.get_remaining_time_in_millis(),
                        c.client_context.custom["a"], c.client_context.client.app_title, c.client_context.env,
                        c.identity.cognito_identity_id, c.tenant_id]
        """)
        context = json.dumps({"custom": {"a": "ä\n"}, "client": {"app_title": "t"}}, ensure_ascii=False, indent=1)
        made = await stage.executor.invoke(fn, b"{}", request_id="r-1", client_context=context)
        *facts, left, custom, title, env, identity, tenant = json.loads(made.payload)
        stream = facts.pop()
        assert facts == ["r-1", "f", "$LATEST", fn.arn, "256", "/aws/lambda/f"]
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
        assert 9000 < left <= 10000
        assert (custom, title, env, identity, tenant) == ("ä\n", "t", None, None, None)

    play(tmp_path, story)


def test_the_sandbox_sees_only_what_lambda_would_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "1")

    async def story(stage: Stage) -> None:
        fn = stage.function("""
            import importlib.util, os, sys, tempfile
            def handler(event, context):
                hidden = importlib.util.find_spec("pytest") is None
                return [dict(os.environ), sys.path, tempfile.gettempdir(), hidden, os.getcwd(), exit is not None]
        """, environment={"MINE": "1", "AWS_REGION": "eu-central-1"})
        env, path, temp, hidden, cwd, _ = await stage.value(fn)
        ours = {"AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME",
                "AWS_LAMBDA_FUNCTION_VERSION",
                "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_GROUP_NAME",
                "AWS_LAMBDA_LOG_STREAM_NAME",
                "AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "HOME", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG",
                "LC_CTYPE",
                "LD_LIBRARY_PATH", "MINE", "PATH", "PYTHONPATH", "PYTHONPYCACHEPREFIX", "TMPDIR", "TZ", "_HANDLER",
                "_X_AMZN_TRACE_ID"}
        assert set(env) - {"SST_PARENT_FD"} == ours
        assert hidden and path[0] == cwd == str(fn.code)
        assert temp == env["TMPDIR"] == env["HOME"] and Path(temp).is_relative_to(stage.folder)
        assert not list(fn.code.rglob("__pycache__"))

    play(tmp_path, story)


def test_a_module_named_as_one_of_python_does_not_break_the_start(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            import json, os, types
            def handler(event, context):
                import queue
                return [hasattr(json, "dumps"), hasattr(types, "ModuleType"), os.environ["PYTHONPATH"], queue.MINE]
        """)
        for name in ("types", "json", "site", "logging", "queue"):
            (fn.code / f"{name}.py").write_text("MINE = 1\n")
        # what the runtime has imported by then is Python's, the others are the function's: as on Lambda
        assert await stage.value(fn) == [True, True, str(fn.code), 1]

    play(tmp_path, story)


def test_what_children_print_goes_to_the_log_and_forges_no_answer(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            import os, subprocess, sys
            def handler(event, context):
                lines = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; echo to stderr >&2"
                subprocess.run(["sh", "-c", lines])
                os.system("echo '{\\"status\\": \\"ok\\"}'")
                if not os.fork():
                    print("from a fork"); sys.stdout.flush(); os._exit(0)
                os.wait()
                sys.stdout.buffer.write(bytes(range(256)) + b"\\n")
                print("no end", end="")
                return "mine"
        """)
        assert await stage.value(fn) == "mine"
        assert [f"line {i}" for i in range(300)] == [line for line in stage.lines if line.startswith("line ")]
        assert {"to stderr", '{"status": "ok"}', "from a fork"} <= set(stage.lines)
        assert stage.lines.index("no end") == len(stage.lines) - 3
        assert await stage.value(fn) == "mine"

    play(tmp_path, story)


def test_log_records_look_as_on_lambda(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("""
            import logging
            def handler(event, context):
                logging.getLogger().setLevel("INFO")
                logging.info("hello\\nagain")
                try:
                    1 / 0
                except ZeroDivisionError:
                    logging.exception("oops")
        """)
        made = await stage.executor.invoke(fn, b"{}", request_id="r-1")
        info, oops = stage.lines[1:3]
        assert re.fullmatch(r"\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tr-1\thello\nagain", info)
        assert re.match(r"\[ERROR\]\t[^\t]+\tr-1\toops\nTraceback",
                        oops) and oops.endswith("ZeroDivisionError: division by zero")
        assert made.logs.decode().splitlines()[0] == "START RequestId: r-1 Version: $LATEST"

    play(tmp_path, story)


def test_layers_and_the_runtimes_packages_are_importable(tmp_path: Path) -> None:
    for place, name in ((tmp_path / "layer/python", "layered"), (tmp_path / "packages", "brought")):
        place.mkdir(parents=True)
        (place / f"{name}.py").write_text("value = __name__")

    async def story(stage: Stage) -> None:
        fn = stage.function("import layered, brought\ndef handler(event, context): return [layered.value, "
                            "brought.value]",
                            layers=(tmp_path / "layer",), packages=tmp_path / "packages")
        assert await stage.value(fn) == ["layered", "brought"]

    play(tmp_path, story)


def test_each_save_is_seen_also_within_a_second(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        for number in range(5):
            (tmp_path / "code-f").mkdir(exist_ok=True)
            (tmp_path / "code-f/part.py").write_text(f"number = {number}")
            fn = stage.function("import part\ndef handler(event, context): return part.number")
            assert await stage.value(fn) == number
            await stage.executor.retire(fn.arn)
        os.utime(fn.code / "app.py", (0, 0))
        await stage.value(fn)
        assert [file.name.split(".")[0] for file in (tmp_path / "run").rglob("*.pyc")
                if "code-f" in str(file)] == ["app"]

    play(tmp_path, story)


def test_a_module_of_the_function_may_have_the_name_of_one_of_ours(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        assert await stage.value(stage.function("def handler(event, context): return __file__",
                                                file="client.py")) == str(
            tmp_path / "code-f/client.py")
        nested = stage.function("def handler(event, context): return __name__", file="src/api.py", name="g")
        assert await stage.value(nested) == "src.api"

    play(tmp_path, story)


def test_another_python_runs_it_if_there_is_one_else_ours_with_one_warning(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("import sys\ndef handler(event, context): return sys.version_info[:2]",
                            runtime="python3.99")
        assert await stage.value(fn) == list(sys.version_info[:2])
        await stage.executor.retire(fn.arn)
        await stage.value(fn)
        ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
        assert [line for line in stage.lines if line.startswith("sst:")] == [
            f"sst: there is no Python 3.99 on this machine; this function runs on Python {ours}"]

    play(tmp_path, story, host={})


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_the_version_asked_for_runs_if_it_is_there(tmp_path: Path, version: str) -> None:
    host = {key: os.environ.get(key, "") for key in ("PATH", "HOME")}
    if Interpreters(host).python(version)[1] != version:
        pytest.skip(f"no Python {version} here")

    async def story(stage: Stage) -> None:
        fn = stage.function(ERRORS + "import sys\nprint('%d.%d' % sys.version_info[:2])", runtime=f"python{version}")
        assert await stage.value(fn) == 1 and stage.lines[0] == version
        assert (await stage.failure(fn, "raise"))["errorType"] == "MyErr"
        assert await stage.value(fn) == 3

    play(tmp_path, story, host=host)


def test_credentials_are_given_by_the_caller(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("import os\ndef handler(event, context): return os.environ['AWS_ACCESS_KEY_ID']")
        keys = [{"AWS_ACCESS_KEY_ID": key} for key in "ab"]
        made = await asyncio.gather(*(stage.executor.invoke(fn, b"1", credentials=k) for k in keys))
        assert [json.loads(m.payload) for m in made] == ["a", "b"]

    play(tmp_path, story)


def test_what_no_process_can_be_started_with_is_an_error(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("", environment={"A": "\0"})
        assert (await stage.failure(fn))["errorType"] == "Runtime.InvalidEntrypoint"
        async with stage.executor.stream(fn, b"1") as response:
            assert response.result and "embedded null byte" in response.result.payload.decode()
        gone = stage.function("", name="gone")
        (gone.code / "app.py").unlink()
        gone.code.rmdir()
        assert (await stage.failure(gone))["errorType"] == "Runtime.InvalidEntrypoint"

    play(tmp_path, story)


def test_the_last_4_kb_of_the_log_are_kept(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        made = await stage.call(stage.function("def handler(event, context):\n    for i in range(999): print('line', "
                                               "i)"))
        assert len(made.logs) == 4096 and b"line 998\nEND" in made.logs
        assert base64.b64encode(made.logs)

    play(tmp_path, story)
