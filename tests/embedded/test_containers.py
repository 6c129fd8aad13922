"""Containers of stage ``local`` as processes: what is shared by those of one task."""
from __future__ import annotations

import http.server
import socket
import sys
import threading
from pathlib import Path

from sst.embedded.containers import Balancer
from sst.embedded.containers.container import Container, Launch
from sst.embedded.containers.engine import TASK, Engine
from sst.embedded.containers.foreign import Client, Wanted
from sst.embedded.settings import Keys, Settings
from sst.machine.container_engine import ContainerEngine

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


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503 if self.path == "/ill" else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_a_check_that_fails_says_what_it_found(tmp_path: Path) -> None:
    engine = Engine(Settings(tmp_path, "us-east-1", Keys("a", "b", "c")))
    balancer = Balancer(engine)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server, socket.socket() as closed:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        closed.bind(("127.0.0.1", 0))
        engine._ports["127.66.0.1"] = {8080: server.server_port, 9000: closed.getsockname()[1]}

        def found(path: str, codes: str = "200", port: int = 8080) -> str:
            group = {"Protocol": "HTTP", "HealthCheckPath": path, "Matcher": {"HttpCode": codes}}
            return balancer._fails(("127.66.0.1", port), group)

        assert found("/", "200-299") == "" and found("/") == "GET / answered 204, 200 is wanted"
        assert found("/ill", "200-299") == "GET /ill answered 503, 200-299 is wanted"
        assert found("/", port=9000) == "nothing listens on port 9000"
        assert found("/", port=1) == "port 1 is not one of the task"
        server.shutdown()


def test_what_docker_is_called_with(tmp_path: Path) -> None:
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls/bundle.pem").write_text("authorities")
    temp = tmp_path / "task"
    temp.mkdir()
    variables = {"SST_RESOURCE_Db": '{"host":"127.0.0.1"}', "TOKEN": "s3cret", "TWO": "a\nb",
                 "OTHER": "http://127.0.0.1:4000/", "OWN": "127.0.0.1:8080"}
    launch = Client(ContainerEngine("docker", {"PATH": "/bin"}), tmp_path).launch("sst-api-1", Wanted(
        "nginx:1", ["/start", "-v"], ["serve"], variables, {8080: 40001}, [(str(tmp_path / "efs"), "/mnt/efs")],
        512, 256, "api"), temp)
    assert launch.command == [
        "docker", "run", "--rm", "--name=sst-api-1", f"--label=sst.cloud={tmp_path}", "--label=sst.task=api",
        f"--env-file={temp}/sst-api-1.env", "--env=TWO", "--add-host=host.docker.internal:host-gateway",
        "--publish=127.0.0.1:40001:8080", f"--volume={tmp_path}/efs:/mnt/efs",
        f"--volume={temp}/bundle.pem:/run/sst/bundle.pem:ro", "--memory=512m", "--cpus=0.25", "--entrypoint=/start",
        "nginx:1", "-v", "serve"]
    assert launch.environment == {"PATH": "/bin", "TWO": "a\nb"}
    file = temp / "sst-api-1.env"
    assert file.stat().st_mode & 0o777 == 0o600 and file.read_text().splitlines() == [
        "SSL_CERT_FILE=/run/sst/bundle.pem", 'SST_RESOURCE_Db={"host":"host.docker.internal"}', "TOKEN=s3cret",
        "OTHER=http://host.docker.internal:4000/", "OWN=127.0.0.1:8080"]
