"""``python -m bench [--quick] [--only PARTS] [--times N]``"""
from __future__ import annotations

import argparse
import os
import platform
import time

from .bridge import run_bridge
from .builds import run_builds
from .console import run_console
from .databases import run_databases
from .demo import run_demo
from .dev import run_dev
from .dev_node import run_dev_node
from .local import run_local
from .plugins import run_plugins
from .refresh import run_refresh
from .report import Report
from .scale import run_scale
from .services import run_services
from .site_servers import run_site_servers
from .sites import run_sites
from .start import run_start
from .terminal import run_terminal
from .wide import run_chain, run_wide

PARTS = {"wide": run_wide, "chain": run_chain, "demo": run_demo, "scale": run_scale, "start": run_start,
         "terminal": run_terminal,
         "refresh": run_refresh, "dev": run_dev, "dev_node": run_dev_node, "bridge": run_bridge,
         "builds": run_builds, "local": run_local, "databases": run_databases, "plugins": run_plugins,
         "console": run_console, "sites": run_sites, "site_servers": run_site_servers, "services": run_services}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true",
                        help="fewer sizes, one repetition less; says what it leaves out")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas: " + ", ".join(PARTS))
    parser.add_argument("--times", type=int, help="repetitions of each measurement (default 3, quick 2); the best "
                                                  "counts")
    given = parser.parse_args()
    times = given.times or (2 if given.quick else 3)
    began, report = time.monotonic(), Report()
    print(f"# sst benchmarks\n\nPython {platform.python_version()}, {os.cpu_count()} cores, load "
          f"{os.getloadavg()[0]:.1f} at the start.\n"
          f"Each measurement is the best of {times} (of 2 for small sizes, of "
          "more for the shortest): other work on the machine only ever adds.")
    for name in given.only.split(","):
        PARTS[name](report, quick=given.quick, times=times)
    print(f"\n{len(report.missed)} figures missed" + (": " + "; ".join(report.missed) if report.missed else "")
          + f". Took {time.monotonic() - began:.0f} s; load {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
