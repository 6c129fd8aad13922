"""Runs the steps, and cleans up whatever happens."""

from __future__ import annotations

import traceback

from sst.errors import SstError

from .foreign import remove as remove_foreign
from .session import Failed, Session
from .steps import STEPS, NotRun

__all__ = ["run"]


def run(s: Session) -> bool:
    """True if no step failed. The account is checked before anything is made."""
    with s.aws:
        return _run(s)


def _run(s: Session) -> bool:
    here = s.aws.account()
    if here != s.account:
        s.say(f"these credentials are for the account {here}; SMOKE_ACCOUNT names {s.account}: nothing was done")
        return False
    failed = []
    try:
        for step in STEPS:
            s.say(f"{step.number:>2}  {step.title}")
            try:
                s.say(f"    ok: {step.run(s)}")
            except NotRun as e:
                s.say(f"    not run: {e}")
            except (Failed, SstError) as e:
                failed.append(step.number)
                s.say(f"    FAILED: {e}")
            except Exception:
                failed.append(step.number)
                s.say(f"    FAILED: {traceback.format_exc()}")
    finally:
        clean_up(s)
    s.say(
        f"{len(s.refusals)} refusals of AWS were retried; about {s.dollars:.4f} dollars for "
        f"{(s.calls + s.aws.counts).total():,} calls"
    )
    s.say(f"failed: {', '.join(map(str, failed))}" if failed else "all steps that were run are well")
    return not failed


def clean_up(s: Session) -> None:
    """Remove the app, also after an error or ctrl-c; what is left is named."""
    s.parts = ("none",)
    for words in (("unlock", "--yes"), ("remove", "--yes"), ("orphans", "--remove", "--yes")):
        try:
            s.sst(*words)
        except (Failed, OSError) as e:
            if words[0] != "unlock":
                s.say(f"    cleaning up: {str(e)[:500]}")
    try:
        remove_foreign(s)
    except SstError as e:
        s.say(f"    cleaning up: {e}")
    for arn in s.left():
        s.say(f"    left: {arn}")
