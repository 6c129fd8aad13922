"""Deploys the app to the embedded cloud, uploads a picture, and shows what became of it. Run by ``make demo``."""
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
SST = [str(Path(sys.executable).with_name("sst"))]


def say(text: str) -> None:
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def sst(*args: str) -> str:
    return subprocess.run([*SST, *args, "--stage", "local"], cwd=HERE, check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def get(url: str) -> dict[str, object] | None:
    try:
        with urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except HTTPError as e:
        if e.code == 404:
            return None
        raise


def main() -> None:
    if not (HERE / "uv.lock").exists():
        subprocess.run([str(Path(sys.executable).with_name("uv")), "lock", "--quiet"], cwd=HERE, check=True)
    say("Deploying examples/uploads to the embedded cloud (the first time it is set up, which takes a moment)")
    subprocess.run([*SST, "deploy", "--stage", "local"], cwd=HERE, check=True)
    outputs = json.loads(sst("outputs", "--json"))

    say("Uploading pictures/mountain.jpg through the API")
    picture = (HERE / "pictures/mountain.jpg").read_bytes()
    url = f"{outputs['api']}/photos/mountain"
    request = Request(url, picture, {"authorization": "Bearer let-me-in", "content-type": "image/jpeg"}, method="POST")
    with urlopen(request, timeout=60) as answer:
        print(f"  POST {url} -> {answer.status} {answer.read().decode()}")

    row = None
    deadline = time.monotonic() + 60
    while (row is None or not row.get("announced")) and time.monotonic() < deadline:
        time.sleep(0.2)
        row = get(url)
    if row is None:
        sys.exit("no row appeared within a minute; see: sst logs")
    with urlopen(str(row["url"]), timeout=30) as answer:
        size = len(answer.read())
    say("A function made a thumbnail, wrote a row and sent a message; another one marked the photo as announced")
    print("  row:      ", json.dumps({k: v for k, v in row.items() if k != "url"}))
    print(f"  thumbnail: {row['url']}\n             ({size:,} bytes, a link that works for an hour)")
    print(f"  badge:     {outputs['badge']}   (the Node function)")

    say("Look further (in examples/uploads)")
    print("  sst logs Pictures/Subscriber --stage local      what the thumbnail function printed")
    print("  sst invoke Tidy/Handler --stage local           call a function by hand")
    print("  sst diff --stage local                          change a line first")
    print("  pytest                                          run the app's own tests, on a stage of their own")
    print("  sst remove --stage local                        remove everything;  sst local stop  ends the cloud")


if __name__ == "__main__":
    main()
