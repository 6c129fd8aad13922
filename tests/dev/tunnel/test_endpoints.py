"""Which addresses are behind a bastion, and links that lead there by this machine."""
from __future__ import annotations

import json

from sst.dev.tunnel.endpoints import Endpoint, endpoints_in, rewritten

DB, CACHE = Endpoint("MyDB", "mydb.abc.rds.amazonaws.com", 5432), Endpoint("Cache", "cache.aws.com", 6379)


def test_what_is_in_the_network_and_has_a_host_and_a_port_is_an_endpoint() -> None:
    links = {"MyDB": {"host": DB.host, "port": 5432, "type": "sst.aws.Postgres"}, "Api": {"url": "https://x"},
             "Mail": {"host": "smtp.example.com", "port": 587, "type": "sst.Linkable"},
             "MyVpc": {"bastion": "i-1"}}
    assert endpoints_in(links, {"MyDB", "Api"}) == [DB]


def test_links_and_addresses_in_variables_lead_to_this_machine() -> None:
    link = {"host": DB.host, "port": 5432, "connectionString": f"postgresql://me:p%40ss@{DB.host}:5432/shop",
            "nested": [{"host": CACHE.host, "port": 6379}], "type": "sst.aws.Postgres"}
    given = {"SST_RESOURCE_MyDB": json.dumps(link), "CACHE_URL": f"rediss://default:x@{CACHE.host}:6379",
             "SST_RESOURCE_Word": '{"value":"' + DB.host + '"}', "PATH": "/bin", "SST_RESOURCE_Odd": "{"}
    made = rewritten(given, {DB: 41001, CACHE: 41002})
    assert json.loads(made["SST_RESOURCE_MyDB"]) == {
        "host": "127.0.0.1", "port": 41001, "connectionString": "postgresql://me:p%40ss@127.0.0.1:41001/shop",
        "nested": [{"host": "127.0.0.1", "port": 41002}], "type": "sst.aws.Postgres"}
    assert made["CACHE_URL"] == "rediss://default:x@127.0.0.1:41002"
    assert made["SST_RESOURCE_Word"] == given["SST_RESOURCE_Word"] and made["PATH"] == "/bin"
    assert made["SST_RESOURCE_Odd"] == "{"


def test_addresses_that_only_begin_or_end_alike_stay() -> None:
    given = {"A": f"{DB.host}:54321", "B": f"my-{DB.host}:5432", "C": f"{DB.host}:5433", "D": f"x.{DB.host}:5432",
             "E": f"{DB.host.replace('.', '-', 1)}:5432"}
    assert rewritten(given, {DB: 41001}) == given
