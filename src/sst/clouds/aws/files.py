"""A folder of files in a bucket, as one resource."""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.output import Output
from ...core.resource import Arg, Resource, out, prop

__all__ = ["Files"]


class Files(Resource, type="aws.s3.Files"):
    """All files of a folder as objects of a bucket. Only those that differ are sent.

        s3.Files("Site", bucket=bucket.name, source=site.contents,
                 options=[{"files": "assets/**", "cache_control": "max-age=31536000, immutable"}])

    The list of what was uploaded is an object below ``.sst/files/`` of the bucket, so objects of others stay.
    """

    region: Arg[str] = prop(default=None, replace=True)
    """Region of the bucket. Default: the app's region."""
    bucket: Arg[str] = prop(replace=True)
    """Name of the bucket."""
    source: Arg[str | Mapping[str, str]] = prop()
    """A folder, relative to the project, or ``contents`` of a ``local.Command``."""
    prefix: Arg[str] = prop(default=None, replace=True)
    """What the keys begin with: ``docs`` puts ``index.html`` at ``docs/index.html``."""
    options: Arg[Sequence[Mapping[str, str]]] = prop(default=None)
    """``files`` (a pattern) with ``cache_control`` and ``content_type`` of what it matches; later ones win."""
    keep_old: Arg[bool] = prop(default=None)
    """Keep objects whose files are no longer in the folder, until the resource is deleted."""

    fingerprint: Output[str] = out(volatile=True)
    """Of the names and contents of all files: a trigger for what follows an upload."""
    files: Output[int] = out(volatile=True)
    bytes: Output[int] = out(volatile=True)
    manifest: Output[str] = out(volatile=True)
    """Key of the list of what was uploaded."""
