"""A service on stage ``local`` that scales by its requests and by its CPU."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.project import Project, call, eventually, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="scaled", home="local")

def run():
    cluster = aws.Cluster("Cluster", vpc=aws.Vpc("Net"))
    api = aws.Service("Api", cluster=cluster, command=["python", "server.py"], environment={"VERSION": "1"},
                      scaling={"min": 1, "max": 3, "request_count": 120, "cpu_utilization": 60,
                               "memory_utilization": False},
                      load_balancer={"ports": [{"listen": "80/http", "forward": "8080/http"}]})
    return {"url": api.url}
'''
SERVER = '''
import http.server, os, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        until = time.monotonic() + (8 if self.path == "/busy" else 0)
        while time.monotonic() < until:
            pass
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["VERSION"].encode())
    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
'''


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with project(tmp_path_factory.mktemp("scaled"), {"sst_config.py": CONFIG, "server.py": SERVER}) as made:
        made.sst("deploy")
        yield made


def count(app: Project) -> tuple[int, int]:
    """Wanted, and running."""
    ecs = app.client("ecs")
    home = ecs.list_clusters()["clusterArns"][0]
    service = ecs.describe_services(cluster=home, services=["Api"])["services"][0]
    return service["desiredCount"], service["runningCount"]


@contextmanager
def load(url: str, pause: float) -> Iterator[None]:
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(pause):
            call(url)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_requests_and_cpu_scale_it_and_a_deploy_leaves_the_count(app: Project) -> None:
    url = app.outputs()["url"]
    assert count(app) == (1, 1)
    with load(url, 0.15):
        eventually(lambda: count(app) == (3, 3))
        app.write({"sst_config.py": CONFIG.replace('"VERSION": "1"', '"VERSION": "2"')})
        app.sst("deploy")
        assert count(app)[0] == 3, "a deploy does not take tasks away from a service under load"
        assert call(url).body == "2"
    eventually(lambda: count(app) == (1, 1))
    with load(url + "/busy", 0.1):
        eventually(lambda: count(app)[0] > 1)
    assert "no changes" in app.sst("deploy")


def test_nothing_is_left_of_it(app: Project) -> None:
    app.sst("remove", "--yes")
    assert app.client("application-autoscaling").describe_scalable_targets(
        ServiceNamespace="ecs")["ScalableTargets"] == []
