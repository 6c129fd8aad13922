"""How a sandbox's process is started: the interpreter, the command, the environment. Nothing of this machine leaks in
but a path."""
from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sst.runtime

from ..machine.lifeline import KERNEL
from .interpreters import SYSTEM_PATH, Interpreters
from .model import FunctionVersion

__all__ = ["Launch", "launch"]

PYTHON_CLIENT = Path(sst.runtime.__file__).with_name("client.py")
SOURCE_CLIENT = Path(__file__).with_name("source_client.py")
NODE_CLIENT = Path(__file__).with_name("node_client.mjs")
GUARD = Path(__file__).with_name("guard.py")


@dataclass(frozen=True)
class Launch:
    command: list[str]
    environment: dict[str, str]
    warning: str = ""


def launch(fn: FunctionVersion, *, api: str, temp: Path, cache: Path, stream: str,
           interpreters: Interpreters) -> Launch:
    """The command and environment for one sandbox. ``api`` is its Runtime API, ``temp`` its /tmp, ``cache`` a folder
    for byte code.

    Raises ``FileNotFoundError`` if there is nothing on this machine that runs the runtime.
    """
    env = {
        "PATH": SYSTEM_PATH, "LANG": "en_US.UTF-8", "LC_CTYPE": "C.UTF-8", "TZ": ":UTC", "HOME": str(temp),
        "TMPDIR": str(temp),
        "LAMBDA_TASK_ROOT": str(fn.code), "LAMBDA_RUNTIME_DIR": str(PYTHON_CLIENT.parent),
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{fn.runtime}", "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": fn.name, "AWS_LAMBDA_FUNCTION_VERSION": fn.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(fn.memory),
        "AWS_LAMBDA_LOG_GROUP_NAME": fn.log_group, "AWS_LAMBDA_LOG_FORMAT": fn.log_format, "_HANDLER": fn.handler,
    }
    env["PATH"] = _joined([p / "bin" for p in fn.layers], SYSTEM_PATH)
    env["LD_LIBRARY_PATH"] = _joined([fn.code, fn.code / "lib", *(p / "lib" for p in fn.layers)])
    command, warning = _command(fn, env, cache, interpreters)
    env |= dict(fn.environment)
    command = _wrapped(fn, command, env)
    if fn.mounts:
        env |= fn.mounts.environment
        command = fn.mounts.command(command)
    return Launch(command, env, warning)


def _command(fn: FunctionVersion, env: dict[str, str], cache: Path,
             interpreters: Interpreters) -> tuple[list[str], str]:
    if fn.runtime.startswith("python"):
        wanted = fn.runtime.removeprefix("python")
        python, version = interpreters.python(wanted)
        packages = [p for layer in fn.layers for p in (layer / "python",
                                                       layer / f"python/lib/python{version}/site-packages")]
        env["SST_PATH"] = _joined([fn.code, *fn.path, *packages])
        env["PYTHONPYCACHEPREFIX"] = str(cache / f"pycache-{version}")
        env["PATH"] = f"{Path(python).parent}:{env['PATH']}"
        env["SST_PACKAGES"] = str(fn.packages or "")
        if fn.watch:
            env["SST_WATCH"] = os.pathsep.join(map(str, fn.watch))
        if fn.debug:
            env["SST_DEBUG"] = f"{fn.debug[1]}{os.pathsep}{fn.debug[0]}"
        warning = interpreters.warning(fn.arn, "Python", wanted, version)
        client = [str(SOURCE_CLIENT), str(PYTHON_CLIENT)] if fn.watch else [str(PYTHON_CLIENT)]
        return [python, "-s", "-S", "-u", *client], warning
    if fn.runtime.startswith("nodejs"):
        major = fn.runtime.removeprefix("nodejs").split(".")[0]
        node, version = interpreters.node(major)
        warning = interpreters.warning(fn.arn, "Node", major, version)
        env["NODE_PATH"] = _joined([layer / "nodejs" / p for layer in fn.layers
                                    for p in (f"node{major}/node_modules", "node_modules")])
        env["PATH"] = f"{Path(node).parent}:{env['PATH']}"
        heap = max(64, int(fn.memory * 0.9))
        return [node, "--enable-source-maps", "--no-warnings", f"--max-old-space-size={heap}",
                str(NODE_CLIENT)], warning
    bootstrap = next((p for folder in (fn.code, *fn.layers) if (p := folder / "bootstrap").is_file()), None)
    if bootstrap is None:
        raise FileNotFoundError(f"runtime {fn.runtime} needs an executable called bootstrap in the bundle or in a "
                                "layer")
    return [str(bootstrap)] if KERNEL else [sys.executable, "-I", "-S", str(GUARD), str(bootstrap)], ""


def _joined(folders: list[Path], last: str = "") -> str:
    """Those that exist, as a search path."""
    return ":".join([*(str(f) for f in folders if f.is_dir()), *([last] if last else [])])


def _wrapped(fn: FunctionVersion, command: list[str], env: Mapping[str, str]) -> list[str]:
    """``AWS_LAMBDA_EXEC_WRAPPER`` gets the command as its arguments, as on Lambda."""
    wrapper = env.get("AWS_LAMBDA_EXEC_WRAPPER")
    if not wrapper:
        return command
    for prefix, folders in (("/opt/", fn.layers[::-1]), ("/var/task/", (fn.code,))):
        if wrapper.startswith(prefix):
            found = next((p for f in folders if (p := f / wrapper.removeprefix(prefix)).is_file()), None)
            if found is None:
                raise FileNotFoundError(f"AWS_LAMBDA_EXEC_WRAPPER names {wrapper}, which is in no layer and not in the "
                                        "bundle")
            return [str(found), *command]
    return [wrapper, *command]
