"""Starts a Python program with the ports of its container mapped: ``run.py -m uvicorn main:app``."""
import runpy
import sys


def main(arguments: list[str]) -> None:
    while arguments and arguments[0] in ("-u", "-B", "-E", "-s", "-S", "-I"):
        arguments = arguments[1:]
    first = arguments[0]
    sys.path.insert(0, "")
    if first == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif first == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102  # that is python -c
    else:
        sys.argv = arguments
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    import sitecustomize  # type: ignore[import-not-found]  # noqa: F401  # beside this file; -S leaves it out

    main(sys.argv[1:])
