"""A project with its stage chosen: everything that is known before any cloud or state is touched."""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from ..clouds.settings import configured_region
from ..clouds.terraform.catalogue import Catalogue, activate
from ..core.context import Context
from ..core.graph import Graph, Removal
from ..core.target import Target
from ..errors import SstError, UserError
from ..machine.container_engine import ContainerEngine
from ..plugins.lock import Lock, in_ci
from ..records import dataclass
from .app import App
from .config import Config, check_version
from .dotenv import merge
from .last_config import last_config
from .program import MODULE, Program, load
from .stage import LOCAL, choose_stage

__all__ = ["Project", "open_project", "region_of"]


@dataclass(frozen=True)
class Project:
    """A loaded ``sst_config.py`` on one stage. ``region`` is empty if none is set and none is needed yet."""

    program: Program
    config: Config
    stage: str
    environ: Mapping[str, str]
    region: str
    place: Path | None = None
    """Where ``.sst`` is, if not beside the config: a test may keep the cloud and the state of stage ``local``
    elsewhere."""

    @property
    def root(self) -> Path:
        return self.program.root

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def is_local(self) -> bool:
        """Whether the stage lives on this machine, in the embedded cloud."""
        return self.stage == LOCAL

    @property
    def removal(self) -> Removal:
        return self.config.removal or ("remove" if self.is_local else "retain")

    @property
    def folder(self) -> Path:
        """``.sst`` beside the config (or in ``place``), made if it is not there; keeps itself out of git."""
        folder = (self.place or self.root) / ".sst"
        folder.mkdir(mode=0o700, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        return folder

    def graph(self) -> Graph:
        """An empty graph of this app and stage."""
        return Graph(self.name, self.stage, region=self.region, removal=self.removal, root=str(self.root),
                     context=Context(Target("local" if self.is_local else "aws"), registry=self.config.registry,
                                     engine=self._engine()))

    def _engine(self) -> ContainerEngine | None:
        name = self.config.local.get("engine") if self.is_local else None
        return ContainerEngine(name, self.environ) if name else None

    def declare(self, graph: Graph) -> App:
        """Run the program into ``graph`` and seal it; all its problems are raised in one report."""
        app = App(self.name, self.stage, self.region, self.removal, self.config.protect, graph)
        self.program.declare(app)
        return app


def open_project(file: Path, *, stage: str | None, environ: Mapping[str, str],
                 ask: Callable[[], str] | None = None, broken: Callable[[SstError], None] | None = None,
                 note: Callable[[str], None] = lambda text: None, lock: Lock | None = None) -> Project:
    """Read the ``.env`` files, choose the stage, import the config and check it. With ``broken``, a config that can't
    be used is replaced by the one with which the stage was last changed from this folder, if there is one; ``broken``
    is told why. Such a project declares nothing. ``note`` hears that a provider of ``sst.lock`` is downloaded. ``lock``
    stands for that file.

    The files' values are put into this process's environment, where the program and the AWS settings find them; what is
    set there already wins.
    """
    from .. import __version__

    root = file.parent
    chosen = choose_stage(stage, merge(environ, root), root, ask)
    merged = merge(environ, root, chosen)
    os.environ.update({k: v for k, v in merged.items() if k not in os.environ})
    if chosen == LOCAL:
        # botocore reads them itself, and stops if there is no such profile
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            os.environ.pop(name, None)
    catalogue = Catalogue(root, merged, note, simulates=chosen == LOCAL and not in_ci(merged))
    if lock is not None:
        catalogue.lock = lock
    activate(catalogue)
    try:
        program = load(file)
        config = program.config(chosen)
    except SstError as e:
        last = last_config(root / ".sst", chosen) if broken else None
        if broken is None or last is None:
            raise
        broken(e)
        program, config = Program(file, ModuleType(MODULE)), last
    check_version(config.version, __version__, file.name)
    return Project(program, config, chosen, merged, region_of(config, chosen, merged))


def region_of(config: Config, stage: str, environ: Mapping[str, str]) -> str:
    """The region: the config's, then ``AWS_REGION``, ``AWS_DEFAULT_REGION``, the profile's; on stage ``local``
    ``us-east-1``."""
    asked = config.region or config.providers.get("aws", {}).get("region")
    if stage == LOCAL:
        return asked or "us-east-1"
    found = (asked or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
             or configured_region(config.profile, environ))
    if not found:
        raise UserError(f'no AWS region is set for stage "{stage}"',
                        hint='set region= in the config (region="us-east-1"), or AWS_REGION, or a region in the AWS '
                             'profile', code="no-region")
    return found
