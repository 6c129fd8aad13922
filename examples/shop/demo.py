"""Deploys the shop to the cloud on this machine, places an order, and rolls out a new version while requests come in.
Run by ``make demo-shop``."""
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
SST = [str(Path(sys.executable).with_name("sst"))]
RATE = 50


def say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def deploy(**more: str) -> float:
    began = time.monotonic()
    subprocess.run([*SST, "deploy", "--stage", "local"], cwd=HERE, check=True, env={**os.environ, **more})
    return time.monotonic() - began


def call(url: str, data: object = None) -> dict:
    body = None if data is None else json.dumps(data).encode()
    with urlopen(Request(url, body, {"content-type": "application/json"}), timeout=30) as answer:
        return json.load(answer)


class Load:
    """So many requests a second, from as many threads as it takes; how they were answered."""

    def __init__(self, url: str) -> None:
        self.url, self.seen, self.banners, self.ended = url, Counter[str](), Counter[str](), threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        asking, due = list[threading.Thread](), time.monotonic()
        while not self.ended.is_set():
            due += 1 / RATE
            asking = [*(t for t in asking if t.is_alive()), threading.Thread(target=self.ask)]
            asking[-1].start()
            time.sleep(max(0.0, due - time.monotonic()))
        for thread in asking:
            thread.join()

    def ask(self) -> None:
        try:
            banner, status = call(self.url)["banner"], "200"
        except HTTPError as e:
            banner, status = "", str(e.code)
        except OSError as e:
            banner, status = "", type(e).__name__
        with self.lock:
            self.seen[status] += 1
            self.banners[banner] += bool(banner)

    def __enter__(self) -> "Load":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()


def main() -> None:
    if not (HERE / "uv.lock").exists():
        subprocess.run([str(Path(sys.executable).with_name("uv")), "lock", "--quiet"], cwd=HERE, check=True)
    say("Deploying examples/shop to the embedded cloud (the first time it is set up, which takes a moment)")
    deploy()
    outputs = json.loads(subprocess.run([*SST, "outputs", "--json", "--stage", "local"], cwd=HERE, check=True,
                                        stdout=subprocess.PIPE, text=True).stdout)
    api = outputs["api"]

    say("Placing an order")
    made = call(f"{api}/orders", {"item": "tea", "quantity": 3})
    print(f"  POST {api}/orders -> {made}")
    found, deadline = call(f"{api}/orders/{made['id']}"), time.monotonic() + 60
    while not found["receipt"] and time.monotonic() < deadline:
        time.sleep(0.2)
        found = call(f"{api}/orders/{made['id']}")
    if not found["receipt"]:
        sys.exit("no receipt was written within a minute; see: sst logs")
    print(f"  GET  {api}/orders/{made['id']} -> {found}")
    print("  the API wrote it to PostgreSQL, a worker of the queue wrote the receipt, and the cache has it now")

    banner = f"Version of {time.strftime('%H:%M:%S')}"
    say(f"Rolling out a new version to both replicas, while {RATE} requests a second come in")
    with Load(api) as load:
        took = deploy(SHOP_BANNER=banner)
        time.sleep(1)
    print(f"  {sum(load.seen.values())} requests in {took + 1:.1f} s: " +
          ", ".join(f"{count} x {status}" for status, count in sorted(load.seen.items())))
    print("  " + ", ".join(f'{count} answers of "{text}"' for text, count in load.banners.items()))
    if set(load.seen) != {"200"} or banner not in load.banners:
        sys.exit("some requests failed, or the new version did not come")
    print("  no request failed")

    say("Look further (in examples/shop)")
    print("  sst dev --stage local                           the API, the worker and the report from their source")
    print("  sst logs OrdersSubscriber/Function --stage local        what the worker printed")
    print("  sst invoke Night/Handler --stage local          run the nightly report now")
    print("  pytest                                          run the app's own tests, on a stage of their own")
    print("  sst remove --stage local                        remove everything;  sst local stop  ends the cloud")


if __name__ == "__main__":
    main()
