"""Flask apps, and other apps of WSGI."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from .python_site import PythonSite, PythonSiteArgs

__all__ = ["Flask"]


class Flask(PythonSite, kind="sst.aws.Flask"):
    """A Flask app behind the CDN; any other app of WSGI works alike.

        admin = aws.Flask("Admin", app="app.main:app", static={"/static": "site"})
        admin.url

    app: the module and the app in it, or a function without arguments that makes it: ``"admin:create_app()"``.
    static: folders of files by the path under which they are served; they never reach the app. All other arguments are
    those of ``PythonSite``.
    """

    _interface = "wsgi"

    def __init__(self, name: str, *, app: str, static: Mapping[str, str] | None = None,
                 **args: Unpack[PythonSiteArgs]) -> None:
        super().__init__(name, app=app, static=static, **args)
