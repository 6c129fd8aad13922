"""FastAPI apps, and other apps of ASGI."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from .python_site import PythonSite, PythonSiteArgs

__all__ = ["FastApi"]


class FastApi(PythonSite, kind="sst.aws.FastApi"):
    """A FastAPI app behind the CDN; Starlette and any other app of ASGI work alike.

        api = aws.FastApi("Api", app="app.main:app", static={"/assets": "site"}, link=[bucket])
        api.url

    app: the module and the app in it, or a function without arguments that makes it: ``"admin:create_app()"``.
    static: folders of files by the path under which they are served; they never reach the app. All other arguments are
    those of ``PythonSite``.
    """

    def __init__(self, name: str, *, app: str, static: Mapping[str, str] | None = None,
                 **args: Unpack[PythonSiteArgs]) -> None:
        super().__init__(name, app=app, static=static, **args)
