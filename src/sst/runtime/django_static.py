"""Static files with hashes in their names, also those that JavaScript modules import from each other."""
from __future__ import annotations

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage

__all__ = ["HashedStorage"]


class HashedStorage(ManifestStaticFilesStorage):  # type: ignore[misc]  # Django has no types here
    """A file that is not among those which were collected keeps its name, instead of an error on the page."""

    support_js_module_import_aggregation = True
    manifest_strict = False

    def hashed_name(self, name: str, content: object = None, filename: str | None = None) -> str:
        """On the server there are no files: what the manifest lacks has no hash."""
        if content is None and not self.exists(filename or name):
            return name
        return str(super().hashed_name(name, content, filename))
