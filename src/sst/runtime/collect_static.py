"""Run by a deploy: ``collect_static.py SETTINGS FOLDER`` puts the static files of a Django project into a folder, below
the path of ``STATIC_URL``."""
from __future__ import annotations

import os
import sys


def main(settings_module: str, folder: str) -> None:
    sys.path[:1] = [os.getcwd(), os.path.join(os.getcwd(), "src")]  # noqa: PTH109, PTH118  # not this folder
    sys.path.append(os.path.abspath(os.path.join(__file__, "../../..")))  # noqa: PTH100, PTH118  # for the settings
    os.environ["DJANGO_SETTINGS_MODULE"] = settings_module
    try:
        import django
        from django.conf import settings
        from django.core.management import call_command
    except ImportError as e:
        sys.exit(f"{e}: install the project into .venv, or run sst from its environment")
    django.setup()
    url = settings.STATIC_URL or "/static/"
    if "://" in url or url.startswith("//"):
        sys.exit(f"STATIC_URL is {url!r}: the CDN serves static files under a path of the site, as '/static/'")
    if "manifest" in settings.STORAGES["staticfiles"]["BACKEND"].lower():
        sys.exit("the static files have names with hashes (ManifestStaticFilesStorage), which the server could not "
                 "know: use django.contrib.staticfiles.storage.StaticFilesStorage; the CDN keeps what did not change")
    settings.STATIC_ROOT = os.path.join(folder, *url.strip("/").split("/"))  # noqa: PTH118
    call_command("collectstatic", interactive=False, verbosity=0, clear=os.path.isdir(folder))  # noqa: PTH112


if __name__ == "__main__":
    main(*sys.argv[1:3])
