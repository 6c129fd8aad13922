"""``sst version``"""
from __future__ import annotations

from ..call import Call, command


@command("version")
def version(call: Call) -> None:
    """Show the version."""
    import platform

    from ... import __version__

    facts = {"version": __version__, "python": platform.python_version(),
             "platform": platform.platform(terse=True)} if call.verbose else {
        "version": __version__}
    if call.as_json:
        call.screen.data(facts)
    else:
        call.screen.line(f"sst {__version__}" + (f" (Python {facts['python']}, {facts['platform']})" if call.verbose
                                                 else ""))
