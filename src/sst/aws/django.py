"""Django projects."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from ..clouds.local.command import Command
from ..core.graph import current
from ..core.output import Input
from ..errors import UserError
from .python_site import PythonSite, PythonSiteArgs, static_folder

__all__ = ["Django"]

_COLLECT = ('PYTHON=.venv/bin/python; [ -x "$PYTHON" ] || PYTHON="$SST_PYTHON"; '
            '"$PYTHON" "$SST_PACKAGE/runtime/collect_static.py"')


class Django(PythonSite, kind="sst.aws.Django"):
    """A Django project behind the CDN.

        shop = aws.Django("Shop", project="shop", link=[bucket])
        shop.url

    project: the package that holds ``settings.py`` and ``wsgi.py``. settings: another module of settings,
    ``"shop.production"``. asgi: run ``asgi.py`` instead of ``wsgi.py``. static: collect the static files of all apps
    and serve them by the CDN; on by default.
    ``sst.runtime.django.configure(globals())`` in the settings takes over hosts and the scheme.
    All other arguments are those of ``PythonSite``.
    """

    def __init__(self, name: str, *, project: str, settings: str | None = None, asgi: bool = False,
                 static: bool = True, **args: Unpack[PythonSiteArgs]) -> None:
        module = "asgi" if asgi else "wsgi"
        place = project.replace(".", "/")
        roots = [Path(current().root), Path(current().root) / "src"]
        if not any((r / place / f"{module}.py").is_file() for r in roots):
            raise UserError(f"there is no {place}/{module}.py", hint="project= is the package that `django-admin "
                                                                     "startproject` made, beside manage.py")
        self._settings, self._collects = settings or f"{project}.settings", static
        args["environment"] = {**args.get("environment", {}), "DJANGO_SETTINGS_MODULE": self._settings}
        super().__init__(name, app=f"{project}.{module}:application", **args)

    def _files(self, static: Mapping[str, str]) -> Input[Mapping[str, str]]:
        if not self._collects:
            return static_folder({})
        folder = f".sst/static/{self.logical_name}"
        (Path(current().root) / folder).mkdir(parents=True, exist_ok=True)
        return Command("Static", command=f'{_COLLECT} {self._settings} "{folder}"', output=folder).contents
