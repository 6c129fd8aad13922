"""Look-ups: what a program may ask of the account while it declares. Each question is asked once a run.

    Lookups(aws).hosted_zone("api.example.com")      # "Z0123456789"
"""
from __future__ import annotations

from threading import Lock
from typing import Any

from ...errors import UserError
from .client import Aws

__all__ = ["Lookups"]


class Lookups:
    def __init__(self, aws: Aws) -> None:
        self._aws, self._lock = aws, Lock()
        self._zones_found: list[dict[str, Any]] | None = None

    def account(self) -> str:
        """Id of the account."""
        return self._aws.account()

    def hosted_zone(self, domain: str) -> str:
        """Id of the public hosted zone with the longest name that ``domain`` ends with. Raises ``UserError`` if there
        is none."""
        name = domain.rstrip(".").lower().removeprefix("*.")
        fits = [z for z in self._zones() if name == z["Name"] or name.endswith("." + z["Name"])]
        if not fits:
            there = ", ".join(sorted(z["Name"] for z in self._zones())) or "none"
            raise UserError(f"there is no hosted zone in Route 53 for {domain}",
                            hint=f"zones of this account: {there}; create one, "
                            "or name it with dns=aws.dns(zone=\"Z…\")")
        longest = max(len(z["Name"]) for z in fits)
        best = sorted(z["Id"] for z in fits if len(z["Name"]) == longest)
        if len(best) > 1:
            raise UserError(f"{domain} fits several hosted zones: {', '.join(best)}",
                            hint="name one with dns=aws.dns(zone=\"Z…\")")
        return str(best[0])

    def _zones(self) -> list[dict[str, Any]]:
        """The account's public zones: ``Name`` without its last dot, ``Id`` without its path."""
        with self._lock:
            if self._zones_found is None:
                found: list[dict[str, Any]] = []
                more: dict[str, str] = {}
                while True:
                    answer = self._aws.call("route53", "list_hosted_zones", more)
                    found += [{"Name": z["Name"].rstrip(".").lower(), "Id": z["Id"].rpartition("/")[2]}
                              for z in answer["HostedZones"]
                              if not z.get("Config", {}).get("PrivateZone")]
                    if not answer.get("IsTruncated"):
                        break
                    more = {"Marker": answer["NextMarker"]}
                self._zones_found = found
            return self._zones_found
