"""Runs a command and turns whatever goes wrong into words and an exit code.

    0    it worked
    1    the user can fix it: config, program, flags
    2    steps of a deploy failed, or the cloud refused
    3    the state is locked or damaged
    70   a bug of ours; the traceback is in the log
    130  interrupted
    141  who read our output went away
"""
from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence

import click

from ..errors import InternalError, SstError, UserError
from .call import Call
from .root import root

__all__ = ["of_the_machine", "run"]


def run(argv: Sequence[str], call: Call | None = None) -> int:
    """Run one command line and give its exit code; ``call`` is what its command gets, by default of this process."""
    # what a program declares stays: at the usual pace half of a large plan is the search for garbage
    gc.set_threshold(20_000, 50, 100)
    call = call or Call.here(argv)
    try:
        _check_package()
        code = root.main(list(argv), prog_name="sst", standalone_mode=False, obj=call)
        call.close()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as e:
        return e.exit_code
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("\n")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except click.exceptions.NoArgsIsHelpError as e:     # `sst state` alone
        sys.stderr.write(f"{e.format_message()}\n")
        return 1
    except click.ClickException as e:
        return _told(call, _usage(e), 1)
    except InternalError as e:
        return _crash(call, e)
    except SstError as e:
        return _told(call, e, e.exit_code)
    except Exception as e:
        return _crash(call, e)


def _told(call: Call, error: BaseException, code: int) -> int:
    call.screen.error(error)
    return code


def _usage(error: click.ClickException) -> UserError:
    """click's words in the shape of all other errors."""
    ctx: click.Context | None = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "sst"
    near: Sequence[str] = getattr(error, "possibilities", None) or ()
    if isinstance(error, click.NoSuchOption):
        hint = f"did you mean {near[0]}?" if near else f"see `{path} --help`"
        return UserError(f"{path} has no option {error.option_name}", hint=hint, code="usage")
    text = error.format_message().rstrip(".")
    return UserError(f"{path}: {text[:1].lower()}{text[1:]}", hint=f"see `{path} --help`", code="usage")


def _check_package() -> None:
    import sst

    if not hasattr(sst, "_HOMES"):
        raise UserError(f"another package named sst is installed over this one ({sst.__file__})",
                        hint="uninstall both (`pip uninstall sst sst-python`), then install sst-python again")


def of_the_machine(error: OSError) -> UserError | None:
    """A full disk, a missing permission: what is wrong and what to do; None if it is not about a file."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    if not error.strerror or not (error.filename or full):
        return None
    place = f": {error.filename}" if error.filename else ""
    if full:
        hint = "free some space on the disk, then run the command again"
    elif error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
        hint = ""
    elif "/.cache" in str(error.filename):
        hint = "make it writable for you, or set XDG_CACHE_HOME to a folder that is"
    else:
        hint = "make it writable for you"
    return UserError(f"{error.strerror}{place}", hint=hint, code="disk-full" if full else "file-access")


def _crash(call: Call, error: Exception) -> int:
    """A bug in sst, or a problem of the machine (disk full, no permission)."""
    if isinstance(error, OSError) and (told := of_the_machine(error)):
        return _told(call, told, 1)
    from .log import write_log

    file = write_log(call.root, error, call.screen.redact)
    screen = call.screen
    if screen.as_json:
        message = f"{type(error).__name__}: {error}"
        screen.data({"event": "error", "kind": "InternalError", "code": "internal", "message": message,
                     "log": str(file), "exit_code": 70})
    else:
        screen.error(error)
        screen.note(f"  this is a bug in sst; the traceback is in {file}")
    return 70
