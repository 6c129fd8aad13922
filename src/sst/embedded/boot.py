"""First lines of the launcher process: make ``sst`` importable from this source tree and from nowhere else.

The process runs in the private environment. Putting the folder above ``sst`` on the path would let that environment
import the user's own packages (another botocore, for one), so only the package itself is made known.
"""
import runpy
import sys
from pathlib import Path
from types import ModuleType

if __name__ == "__main__":
    package = ModuleType("sst")
    package.__path__ = [str(Path(__file__).resolve().parent.parent)]
    sys.modules["sst"] = package
    runpy.run_module("sst.embedded.launcher", run_name="__main__", alter_sys=True)
