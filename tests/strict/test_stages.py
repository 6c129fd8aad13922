"""Stages of one app in one account, as processes of their own: at once, in a region that others are closed to, through
throttles, and with credentials that expire in the middle."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sst.embedded.cloud import Cloud

from .app import App
from .clock import Clock
from .cloud import StrictCloud, strict_cloud
from .request import ApiRequest

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict, pytest.mark.timeout(300)]
REGION = "eu-west-1"
CONFIG = """
import sst
from sst import aws


def config(input):
    return sst.Config(name="NAME", home="HOME", removal="remove")


def run():
    jobs = aws.Queue("Jobs", visibility_timeout="1 minute")
    fn = aws.Function("Web", handler="web.handler", url=True, link=[jobs, sst.Secret("Word", placeholder="x")])
    jobs.subscribe(fn)
    aws.Bucket("Files").notify([{"name": "Told", "queue": jobs}])
    return {"url": fn.url}
"""


def three_times() -> Callable[[ApiRequest, int], bool]:
    """Each call, told by all that it asks for."""
    seen: Counter[object] = Counter()

    def throttle(request: ApiRequest, number: int) -> bool:
        key = (request.name, request.region, request.body, repr(sorted(request.params.items())))
        seen[key] += 1
        return seen[key] <= 3

    return throttle


@pytest.fixture
def strict(cloud: Cloud) -> Iterator[StrictCloud]:
    """An account in which only one region may be used, as Control Tower has it."""
    with strict_cloud(cloud.endpoint, clock=Clock(speed=100), keys=(cloud.access_key, cloud.secret_key),
                      denied_regions=("us-east-1",)) as made:
        yield made


def app(folder: Path, strict: StrictCloud, stage: str, name: str, *, home: str = "aws") -> App:
    root = folder / stage
    root.mkdir()
    (root / "sst_config.py").write_text(CONFIG.replace("NAME", name).replace("HOME", home))
    (root / "web.py").write_text("def handler(event, context):\n    return 'hello'\n")
    return App(root, strict, stage, {"AWS_REGION": REGION})


def test_stages_of_a_new_account_are_deployed_at_once(tmp_path: Path, strict: StrictCloud) -> None:
    """Each makes what the account needs for the first time, or takes what another one has made. Of two deploys to one
    stage the second waits or names the first."""
    one, two = (app(tmp_path, strict, stage, "twice") for stage in ("one", "two"))
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda a: a.run("deploy", "--yes"), (one, one, two)))
        codes = [d.returncode for d in done]
        assert sorted(codes[:2]) in ([0, 0], [0, 3]) and codes[2] == 0, [d.stdout + d.stderr for d in done]
        if refused := [d.stdout + d.stderr for d in done if d.returncode]:
            assert "another command holds the lock" in refused[0] and "`sst deploy`" in refused[0]
        assert all("no drift" in said for said in pool.map(lambda a: a.sst("refresh"), (one, two)))
        assert all("deleted" in said for said in pool.map(lambda a: a.sst("remove", "--yes"), (one, two)))
    assert not strict.met["region_denied"], "nothing is asked in another region"


def test_each_call_is_throttled_three_times(tmp_path: Path, strict: StrictCloud) -> None:
    stage = app(tmp_path, strict, "one", "storm", home="local")
    strict.throttle = three_times()
    stage.sst("deploy", "--yes")
    assert strict.met["throttles"] > 50
    strict.throttle = lambda request, number: False
    stage.sst("remove", "--yes")


def test_credentials_expire_in_the_middle(tmp_path: Path, strict: StrictCloud) -> None:
    """Before the state is read, and when a part is deployed: that is said, and the next deploy goes on."""
    stage = app(tmp_path, strict, "one", "expires")
    for more in (2, 40):
        last = strict.asked.total() + more
        strict.expired = lambda request, number, last=last: number > last
        done = stage.run("deploy", "--yes")
        said = done.stdout + done.stderr
        assert done.returncode in (2, 3) and "hint: the AWS login has expired: get new credentials" in said, said
        assert "Traceback" not in said and said.count("hint: the AWS login has expired") <= 12, said
    assert "created" in said, "a part of it was made"
    strict.expired = lambda request, number: False
    stage.sst("unlock", "--yes")
    assert "created" in stage.sst("deploy", "--yes")
    assert "no changes" in stage.sst("deploy", "--yes") and "no drift" in stage.sst("refresh")
    assert "no orphans" in stage.sst("orphans")
    stage.sst("remove", "--yes")
