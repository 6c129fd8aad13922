"""Containers of stage ``local`` as processes: what is shared by those of one task."""
from __future__ import annotations

import sys
from pathlib import Path

from sst.embedded.containers.container import Container, Launch
from sst.embedded.containers.engine import TASK, Engine
from sst.embedded.settings import Keys, Settings

ARN = "arn:aws:ecs:us-east-1:000000000000:task/mine/0123"


def container(engine: Engine, folder: Path) -> Container:
    made = Container({TASK: ARN}, "127.66.0.1", Launch([sys.executable, "-c", "input()"], {}, folder),
                     leaving=lambda address: None)
    made.start()
    engine._all[made.id] = made
    return made


def test_the_folder_of_a_task_stays_while_one_of_its_containers_does(tmp_path: Path) -> None:
    engine = Engine(Settings(tmp_path, "us-east-1", Keys("a", "b", "c")))
    folder = engine._temp(ARN)
    folder.mkdir(parents=True)
    first, second = container(engine, tmp_path), container(engine, tmp_path)
    first.stop(3)
    engine._forget(first)
    assert folder.is_dir() and engine.list() == [second]
    engine.close()
    assert not folder.exists() and not engine.list() and second.status == "exited"
