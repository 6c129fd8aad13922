"""Run by a deploy: ``collect_static.py FOLDER`` puts the static files of a Django project into ``FOLDER/files``, below
the path of ``STATIC_URL``, and the names that the server has to know into ``FOLDER/server/staticfiles.json``.

Files with a hash in their name lie in a folder of their own, ``_``, so that the CDN may keep them for ever.
"""
from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

_APART = "_"
_MANIFEST = "staticfiles.json"


def main(folder: Path) -> None:
    sys.path[:1] = [os.getcwd(), os.path.join(os.getcwd(), "src")]  # noqa: PTH109, PTH118  # not this folder
    sys.path.append(os.path.abspath(os.path.join(__file__, "../../..")))  # noqa: PTH100, PTH118  # for the settings
    collected = folder.resolve() / "collected"
    os.environ["SST_STATIC_ROOT"] = str(collected)
    os.environ["DJANGO_SETTINGS_MODULE"] = "sst.runtime.django_settings"
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
    try:
        call_command("collectstatic", interactive=False, verbosity=0, clear=collected.is_dir())
    except ValueError as e:  # a style sheet names a file that is not there
        sys.exit(f'{e}\nremove the reference, or serve the files without hashes in their names: static="plain"')
    for old in ("files", "server"):
        shutil.rmtree(folder / old, ignore_errors=True)
    _place(collected, folder / "files", url.strip("/"), folder / "server" / _MANIFEST)


def _place(collected: Path, files: Path, url: str, known: Path) -> None:
    known.parent.mkdir(parents=True)
    served = files / url
    shutil.copytree(collected, served)
    manifest = served / _MANIFEST
    text = manifest.read_text() if manifest.is_file() else '{"version": "1.1", "paths": {}, "hash": ""}'
    names = json.loads(text)
    for plain, hashed in names["paths"].items():
        if hashed == plain:
            continue
        names["paths"][plain] = f"{_APART}/{hashed}"
        if (served / hashed).is_file():
            (served / _APART / hashed).parent.mkdir(parents=True, exist_ok=True)
            (served / hashed).rename(served / _APART / hashed)
    manifest.unlink(missing_ok=True)
    names["immutable"] = [f"{url}/{_APART}"] if (served / _APART).is_dir() else []
    known.write_text(json.dumps(names, sort_keys=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
