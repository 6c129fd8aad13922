"""First lines of the launcher process: make ``sst`` importable from this source tree and from nowhere else.

The process runs in the private environment. Putting the folder above ``sst`` on the path would let that environment
import the user's own packages (another botocore, for one), so only the package itself is loaded.
"""
import runpy
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

if __name__ == "__main__":
    folder = Path(__file__).resolve().parent.parent
    spec = spec_from_file_location("sst", folder / "__init__.py", submodule_search_locations=[str(folder)])
    assert spec and spec.loader
    package = sys.modules["sst"] = module_from_spec(spec)
    spec.loader.exec_module(package)
    runpy.run_module("sst.embedded.launcher", run_name="__main__", alter_sys=True)
