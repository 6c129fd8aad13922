"""The process of a plugin and its channel: handshakes, calls at once, and ends of every kind."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.terraform.plugin import Plugin, Refusal
from sst.clouds.terraform.schema import read_schema
from sst.clouds.terraform.values import pack, unpack
from sst.errors import ProviderError

Start = Callable[..., Plugin]


def thing(plugin: Plugin) -> Any:
    raw = plugin.call("GetProviderSchema")["resource_schemas"]["fake_thing"]
    return read_schema("fake_thing", raw, v5=plugin.protocol == 5)


def planned(plugin: Plugin, block: Any, values: Mapping[str, Any]) -> Any:
    config = {"msgpack": pack({**block.empty, **values}, block.type)}
    answer = plugin.call("PlanResourceChange", type_name="fake_thing", prior_state={"msgpack": pack(None, block.type)},
                         proposed_new_state=config, config=config)
    return unpack(answer["planned_state"]["msgpack"], block.type)


@pytest.mark.parametrize("protocol", ["5", "6"])
def test_it_speaks_both_protocols(start: Start, protocol: str) -> None:
    plugin = start(FAKE_PROTOCOL=protocol)
    schema = thing(plugin)
    assert plugin.protocol == int(protocol) and schema.version == 2
    assert schema.block.attributes["pin"].write_only, "field 10 in protocol 5, 11 in protocol 6"
    assert planned(plugin, schema.block, {"name": "one"})["name"] == "one"


def test_many_threads_call_at_once(start: Start) -> None:
    plugin = start()
    block = thing(plugin).block
    with ThreadPoolExecutor(16) as pool:
        names = list(pool.map(lambda n: planned(plugin, block, {"name": f"n{n}"})["name"], range(100)))
    assert names == [f"n{n}" for n in range(100)]


def test_a_large_message_goes_both_ways(start: Start) -> None:
    plugin = start()
    block = thing(plugin).block
    tags = {f"key{n}": "x" * 1000 for n in range(6000)}
    assert planned(plugin, block, {"name": "one", "tags": tags})["tags"] == tags


def test_errors_of_the_plugin_have_its_words_and_path(start: Start) -> None:
    plugin = start()
    block = thing(plugin).block
    config = {"msgpack": pack({**block.empty, "name": "one", "size": -1}, block.type)}
    with pytest.raises(Refusal, match="size must be positive") as e:
        plugin.call("ValidateResourceConfig", type_name="fake_thing", config=config)
    assert e.value.diagnostics[0]["attribute"]["steps"] == [{"attribute_name": "size"}]


def test_what_it_does_not_know_is_unimplemented(start: Start) -> None:
    """An older provider, of protocol 5, has no identities."""
    with pytest.raises(ProviderError) as e:
        start(FAKE_PROTOCOL="5").call("GetResourceIdentitySchemas")
    assert e.value.code == "Unimplemented"


def test_lines_before_the_handshake_and_a_chatty_log_do_no_harm(start: Start) -> None:
    assert thing(start(FAKE_START="noise")).version == 2


@pytest.mark.parametrize(("how", "message", "hint"), [
    ("ends", "fake 1.0.0 ended with exit code 1 before it was ready", "there is no disk left"),
    ("protocol4", "speaks protocol 4 (grpc), and only 5 and 6 are spoken here", "newer version"),
    ("tcp", "insists on tcp", ""),
    ("tls", "insists on TLS", ""),
    ("nowhere", "does not listen where it said: No such file or directory", ""),
    ("silence", "did not say within 0.5 s where it listens", ""),
])
def test_each_failure_to_start_has_its_own_message(start: Start, how: str, message: str, hint: str) -> None:
    with pytest.raises(ProviderError) as e:
        start(FAKE_START=how, timeout=0.5 if how == "silence" else 20)
    assert message in e.value.message and hint in e.value.hint and not e.value.sent


def test_a_program_that_cannot_run_is_named(tmp_path: Path) -> None:
    file = tmp_path / "terraform-provider-x"
    file.write_text("not a program")
    for mode, why in ((0o644, "Permission denied"), (0o755, "Exec format error")):
        file.chmod(mode)
        with pytest.raises(ProviderError, match=why):
            Plugin("x 1.0", [str(file)], {})


def test_its_death_in_a_call_is_told_and_the_outcome_is_open(start: Start) -> None:
    plugin = start()
    block = thing(plugin).block
    new = {"msgpack": pack({**block.empty, "name": "one", "mode": "dies", "zone": "b"}, block.type)}
    with pytest.raises(ProviderError, match=r"fake 1\.0\.0 ended the connection") as e:
        plugin.call("ApplyResourceChange", type_name="fake_thing", prior_state={"msgpack": pack(None, block.type)},
                    planned_state=new, config=new)
    assert e.value.sent and e.value.status == 0 and e.value.code == "NoAnswer"
    with pytest.raises(ProviderError) as e:
        plugin.call("StopProvider")
    assert not e.value.sent, "nothing was sent to a process that is gone"


def test_close_ends_the_process_and_leaves_no_socket(start: Start) -> None:
    plugin = start()
    folder = Path(plugin._folder)
    assert folder.stat().st_mode & 0o777 == 0o700 and list(folder.iterdir())
    plugin.close()
    plugin.close()
    assert not plugin.running and not folder.exists() and plugin._process.returncode != -signal.SIGKILL


@pytest.mark.long
def test_a_plugin_that_will_not_end_is_killed(start: Start) -> None:
    plugin = start()
    os.kill(plugin._process.pid, signal.SIGSTOP)
    plugin.close()
    assert not plugin.running


def test_it_dies_with_us(fake_program: Path, fake_environ: dict[str, str]) -> None:
    """After a kill -9 of the process that started it."""
    code = ("import sys; from sst.clouds.terraform.plugin import Plugin; import os, time\n"
            f"p = Plugin('fake', [{str(fake_program)!r}], dict(os.environ))\n"
            "print(p._process.pid, flush=True); time.sleep(60)")
    ours = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, **fake_environ})
    assert ours.stdout
    pid = int(ours.stdout.readline())
    ours.kill()
    ours.wait()
    ours.stdout.close()
    deadline = time.monotonic() + 30
    while _lives(pid):
        assert time.monotonic() < deadline, "the plugin outlived us"
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
