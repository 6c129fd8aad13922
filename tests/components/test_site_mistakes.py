"""What sites and routers refuse at the plan, with words, file and line."""
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import sst
from sst import aws
from sst.core.target import Target
from sst.errors import UserError
from tests.components.graphs import program, refused

BUILD = {"command": "true", "output": "out"}
AUTH: Any = {"username": "team", "password": "p"}


def site(**given: Any) -> Callable[[], object]:
    return lambda: aws.StaticSite("Docs", **{"path": "site", **given})


def function(**given: Any) -> Callable[[], object]:
    return lambda: aws.Function("F", **{"handler": "src/job.handler", **given})


def router(use: Callable[[aws.Router], object], **given: Any) -> Callable[[], object]:
    return lambda: use(aws.Router("Web", **given))


def in_router(more: Any = None, **url: Any) -> Callable[[], object]:
    return router(lambda web: function(url={"router": {"instance": web}, **url}, **(more or {}))())


def two_sites(web: aws.Router) -> None:
    for name in ("One", "Two"):
        aws.StaticSite(name, path="site", router={"instance": web, "path": "/docs/"})


def node(**server: Any) -> Callable[[], object]:
    return lambda: aws.NodeServer("Api", path="web", server=server)   # the server's mistake


CASES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "no folder": (site(path="nowhere"), ("there is no folder 'nowhere'",)),
    "a folder outside": (site(path="../.."), ("is outside of the project",)),
    "no error page": (site(error_page="missing.html"), ("the folder 'site' has no 'missing.html'", "error_page=")),
    "a build without output": (site(build={"command": "make"}), ("build takes a command and the folder",)),
    "a secret in a build": (lambda: site(build=BUILD, environment={"KEY": sst.Secret("Token").value})(),
                            ('the build of "Docs" would get secret values: KEY', "secrets")),
    "a linked secret in a build": (lambda: site(build=BUILD, link=[sst.Secret("Token")])(), ("SST_RESOURCE_Token",)),
    "an app in no folder": (lambda: aws.FastApi("Api", path="nowhere", app="web:app"), (
        "there is no folder 'nowhere'", "path= is the folder of the project")),
    "an app in a folder outside": (lambda: aws.Flask("Api", path="../..", app="web:app"), ("outside of the project",)),
    "an app that is not in its folder": (lambda: aws.FastApi("Api", path="src", app="src.web:app"), (
        "there is no src/web.py in 'src'", "app= begins in the folder of path=")),
    "a project that is not in its folder": (lambda: aws.Django("Shop", path="web", project="shop"), (
        "there is no shop/wsgi.py in 'web'", "path= is the folder with manage.py")),
    "a root that does not hold the handler": (function(python={"root": "web"}), (
        "\"src/job.handler\" is not in the folder 'web'",)),
    "half of auth": (site(auth={"username": "a"}), ("auth takes a username and a password",)),
    "auth twice": (router(lambda w: site(router={"instance": w}, auth=AUTH)(), auth=AUTH),
                   ("a site and its Router can't both have auth",)),
    "longer than a function": (node(timeout="20 minutes"), (
        "timeout must be between 1 and 900 seconds; it is '20 minutes'", "cluster=cluster of a site", "aws.Task")),
    "larger than a function": (node(memory="16 GB"), ("memory must be between 128 and 10240 MB", "cluster=cluster")),
    "smaller than a function": (function(memory="64 MB"), ("memory must be between 128 and 10240 MB",)),
    "protection without a router": (function(url={"protection": "key"}), ("protection of a URL needs a router",)),
    "a protection that is none": (function(url={"protection": "oac"}), ("it is 'oac'",)),
    "protection of a signed URL": (in_router(authorization="iam"), ("the edge signs nothing",)),
    "protection of a runtime of one's own": (
        in_router(protection="key", more={"bundle": "src", "handler": "bootstrap", "runtime": "provided.al2023"}),
        ("needs a Python or Node handler that sst bundles",)),
    "an unknown rule of waf": (router(lambda w: w, waf={"managed_rules": {"xss": True}}),     # the mistake
                               ("waf is True, or takes rate_limit_per_ip",)),
    "an unknown setting of its logs": (router(lambda w: w, waf={"logging": {"includes": "all"}}),
                                       ("logging of waf is True, or takes include, retention and redact",)),
    "two firewalls": (router(lambda w: w, waf=True, web_acl_arn="arn:aws:wafv2:us-east-1:1:global/webacl/a/b"),
                      ("waf and web_acl_arn can't both be given",)),
    "a limit that is none": (router(lambda w: w, waf={"rate_limit_per_ip": 1}), ("at least 10; it is 1",)),
    "no domain": (site(domain="https://example.com"), ("'https://example.com' is not a domain name",)),
    "a domain without a name": (site(domain={"redirects": ["a.example.com"]}), ("a domain needs a name",)),
    "a domain without records": (site(domain={"name": "example.com", "dns": False}), ("has dns=False", '"cert"')),
    "a domain twice": (site(domain={"name": "a.example.com", "aliases": ["a.example.com"]}), ("is listed twice",)),
    "an unknown side of edge": (site(edge={"origin_request": {}}), ("edge has no option 'origin_request'",)),
    "edge code that is none": (site(edge={"viewer_request": "code"}), ("viewer_request takes an injection",)),
    "edge code that is too long": (site(edge={"viewer_request": {"injection": "x=1;" * 2000}}),
                                   ('the code of the edge function "Docs/Request" has 1', "CloudFront takes 10,240")),
    "a domain in a router": (router(lambda w: site(router={"instance": w}, domain="example.com")()),
                             ("domain and edge belong to the Router",)),
    "two sites on one route": (router(two_sites), ('the route "/docs" of "Web" is declared twice', "first at")),
    "a route twice": (router(lambda w: w.route("/a", "https://x.test").route("/a", "https://y.test")),
                      ('the route "/a" of "Web" is declared twice',)),
    "a route to something without a URL": (router(
        lambda w: w.route("/a", aws.Function("F", handler="src/job.handler"))),
                                           ('the function "F" has no URL', "url=True")),
    "a route to a bucket": (router(lambda w: w.route("/a", aws.Bucket("Q"))),    # type: ignore[arg-type]  # the mistake
                           ("has no URL that a route could lead to",)),
    "a route without a slash": (router(lambda w: w.route("api", "https://x.test")), ("begins with a slash",)),
    "a route with a space": (router(lambda w: w.route("/a b", "https://x.test")), ("can't have the path '/a b'",)),
    "a host that the router is not": (router(lambda w: w.route("a.example.com", "https://x.test"),
                                             domain="example.com"),
                                      ('"Web" does not answer for the host a.example.com', '"aliases"')),
    "an option of routes": (router(lambda w: w.route("/a", "https://x.test", timeout="1 second")),     # type: ignore[call-arg]  # the mistake
                            ("a route has no option 'timeout'",)),
    "a timeout that is too long": (router(lambda w: w.route("/a", "https://x.test", read_timeout="2 minutes")),
                                   ("read_timeout",)),
    "a router of no id": (lambda: aws.Router.get("Web", "https://d1.cloudfront.net"),
                          ("'https://d1.cloudfront.net' is not the id of a distribution", '"E2IDLMESRN6V62"')),
    "a router of nothing": (lambda: aws.Router.get("Web", None),   # type: ignore[arg-type]  # the mistake
                            ("None is not the id of a distribution",)),
    "a distribution of no id": (lambda: aws.Cdn.get("Web", "d1.cloudfront.net"),
                                ("'d1.cloudfront.net' is not the id of a distribution",)),
    "no router": (lambda: site(router={"instance": "Web"})(), ("router takes a Router as instance",)),
    "no folder at all": (site(path=None), ("path is the folder of the site, as text",)),
    "a command in words": (site(build={"command": ["npm", "run"], "output": "out"}), ("build: command is text",)),
    "an output elsewhere": (site(build={"command": "true", "output": "/etc"}), ("outside of the project",)),
    "inputs as text": (site(build={**BUILD, "inputs": "src/**"}), ('"inputs": ["src/**"]',)),
    "an index page with a folder": (site(index_page="/index.html"), ("index_page is the name of a file",)),
    "an index page that no folder has": (site(index_page="main.html"), ("the folder 'site' has no 'main.html'",)),
    "an unknown way with slashes": (site(trailing_slash="keep"), ('trailing_slash is "redirect" or "serve"',)),
    "variables without a build": (site(environment={"A": "1"}), ('"Docs" has no build that could take',)),
    "headers of no files": (site(assets={"file_options": [{"cache_control": "no-store"}]}),
                            ("file_options is a list, and each of it says which files",)),
    "headers as a mapping": (site(assets={"file_options": {"files": "*"}}), ("file_options is a list",)),
    "a bucket by its name": (site(assets={"bucket": "acme"}), ("assets: bucket takes an aws.Bucket", "Bucket.get")),
    "a bucket that nobody may read": (lambda: site(assets={"bucket": aws.Bucket("Own")})(),
                                      ('CloudFront may not read the bucket "Own"', 'access="cloudfront"')),
    "immutable as text": (site(assets={"immutable": "assets"}), ('"immutable": ["assets"]',)),
    "a user with a colon": (site(auth={"username": "a:b", "password": "p"}), ("a username without a colon",)),
    "a list of domains": (site(domain=["example.com"]), ("a domain needs a name",)),
    "redirects as text": (site(domain={"name": "example.com", "redirects": "www.example.com"}),
                          ("aliases and redirects are lists",)),
    "a domain of stars": (site(domain="*.example.com"), ("which has no address", '"aliases": ["*.example.com"]')),
    "a domain of two": (lambda: [aws.StaticSite(n, path="site", domain="example.com") for n in ("One", "Two")],
                        ("two distributions have the domain example.com", "one aws.Router")),
    "a rewrite of a site": (router(lambda w: site(router={"instance": w, "rewrite": {"regex": "a", "to": "b"}})()),
                            ("rewrite belongs to routes of URLs",)),
    "a route with stars": (router(lambda w: w.route("/a/*", "https://x.test")), ('"/a" stands for all that is below',)),
    "a route with half an escape": (router(lambda w: w.route("/a%2", "https://x.test")), ("can't have the path",)),
    "a route upwards": (router(lambda w: w.route("/a/../b", "https://x.test")), ("can't have the path",)),
    "a route to itself": (router(lambda w: w.route("/a", w)), ("can't lead to itself",)),
    "a route to a queue": (router(lambda w: w.route("/a", aws.Queue("Jobs"))), ('Queue "Jobs" has no URL',)),
    "a route to ftp": (router(lambda w: w.route("/a", "ftp://x.test")), ("can't lead to 'ftp://x.test'",)),
    "a route to no port": (router(lambda w: w.route("/a", "https://x.test:99999")), ("can't lead to",)),
    "a route to a query": (router(lambda w: w.route("/a", "https://x.test/p?b=1")),
                           ("only scheme, host, port and path", "hint: https://x.test/p")),
    "a bucket that CloudFront can't read": (router(lambda w: w.route_bucket("/a", aws.Bucket("Own"))),
                                            ('CloudFront may not read the bucket "Own"',)),
    "a regex that is none": (router(lambda w: w.route("/a", "https://x.test", rewrite={"regex": "^/(", "to": "/"})),
                             ("the regex '^/(' of rewrite is none",)),
    "a redirect to a word": (router(lambda w: w.redirect("/a", "example.com")), ("can't lead to 'example.com'",)),
    "a redirect to a query with the path": (router(lambda w: w.redirect("/a", "https://x.test/?b=1")),
                                            ("can't keep the path", "keep_path=False")),
    "a server without a scheme": (site(dev={"url": "localhost:5173"}), ('"url": "http://localhost:5173"',)),
    "no project of Django": (lambda: aws.Django("Shop", project="store"),
                             ("there is no store/wsgi.py", "startproject")),
    "migrations without a database": (lambda: aws.Django("Shop", project="shop", migrate="before"),
                                      ("migrate needs the database", "database=db")),
    "a database that is none": (
        lambda: aws.Django("Shop", project="shop", database=aws.Bucket("Db")),  # type: ignore[arg-type]  # the mistake
        ("database takes a Postgres",)),
    "warm without a number": (lambda: aws.FastApi("Api", app="src/web:app", warm=True), ("warm is a number",)),
    "a server of ftp": (site(dev={"url": "ftp://x"}), ("a route can't lead to 'ftp://x'",)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_told(name: str) -> None:
    declare, words = CASES[name]
    told = refused(declare)
    for word in words:
        assert word in told, told


def test_routes_that_look_alike_have_names_of_their_own() -> None:
    paths = ("/a-b", "/a/b", "/a_b", "/A/b", "/v1.0", "/v10", "/v1/0", "/~", "/", "/%20")
    with program() as graph:
        web = aws.Router("Web")
        for path in paths:
            web.route(path, "https://x.test")
        web.redirect("/old", aws.Function("Job", handler="src/job.handler", url=True))
    names = {g.urn for g in graph.goals.values() if g.type == "aws.cloudfront.Route"}
    assert len(names) == len(paths) + 1
    assert {n.rpartition("/")[2] for n in names} >= {"Route", "RouteAB", "RouteV10", "RouteOld"}


@pytest.mark.parametrize(("package", "lock", "words"), [
    (None, True, ("there is no package.json in '.'", "path= is the folder of the React Router site")),
    ({"scripts": {"build": "x"}}, True, ("does not name @react-router/dev", "it is no React Router site")),
    ({"devDependencies": {"@react-router/dev": "^6.30"}}, True, ("React Router 6 is not supported", "that is: 7")),
    ({"devDependencies": {"@react-router/dev": "8"}}, True, ("has no script build", "build_command=")),
    ({"scripts": {"build": "x"}, "devDependencies": {"@react-router/dev": "8"}}, False,
     ("there is no lock file in '.' or above", "run `npm install`")),
])
def test_a_folder_that_holds_no_site_is_told(tmp_path: Path, package: object, lock: bool,
                                             words: tuple[str, ...]) -> None:
    if package is not None:
        (tmp_path / "package.json").write_text(json.dumps(package))
    if lock:
        (tmp_path / "package-lock.json").write_text("{}")
    with pytest.raises(UserError) as told, program(root=tmp_path):
        aws.React("Web")
    assert all(word in f"{told.value} {told.value.hint}" for word in words), (told.value, told.value.hint)


@pytest.mark.parametrize(("kind", "package", "version"), [
    ("Nextjs", "next", "14.2.3"), ("Remix", "@remix-run/dev", "1.19.0"), ("Astro", "astro", "^4.16.0"),
    ("SvelteKit", "@sveltejs/kit", "1.30.4"), ("Nuxt", "nuxt", "~3.13.0"), ("Angular", "@angular/core", "18.2.0"),
])
def test_a_version_that_is_too_old_is_told(tmp_path: Path, kind: str, package: str, version: str) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"scripts": {"build": "x"}, "dependencies": {package: version}}))
    (tmp_path / "package-lock.json").write_text("{}")
    with pytest.raises(UserError, match=r" \d+ is not supported") as told, program(root=tmp_path):
        getattr(aws, kind)("Web")
    assert told.value.hint and "the first version that is: " in told.value.hint


def test_a_domain_on_stage_local_needs_no_zone_and_no_certificate() -> None:
    with program(stage="local", target=Target("local")) as graph:
        aws.StaticSite("Docs", path="site", domain={"name": "example.com", "redirects": ["www.example.com"]})
    types = {g.type for g in graph.goals.values()}
    assert "aws.cloudfront.Distribution" in types and not {t for t in types if ".acm." in t or ".route53." in t}


def test_a_domain_on_aws_has_a_certificate_in_us_east_1_for_all_of_its_names() -> None:
    with program() as graph:
        aws.StaticSite("Docs", path="site", domain={"name": "example.com", "redirects": ["www.example.com"]})
    made = {g.urn.rpartition("/")[2]: g.inputs for g in graph.goals.values()}
    assert made["Certificate"]["region"] == "us-east-1"
    assert made["Certificate"]["alternative_names"] == ["www.example.com"]
    assert {"DnsA", "DnsAAAA", "DnsA1", "DnsAAAA1", "CertificateRecord", "CertificateRecord1"} <= made.keys()
    assert 'moved(q,"https://example.com"+q.uri,301)' in made["Request"]["code"]


def test_the_server_of_a_generator_takes_the_place_of_a_site_in_a_session() -> None:
    with program(stage="local", target=Target("local", dev=True)) as graph:
        web = aws.Router("Web")
        made = aws.StaticSite("Docs", path="site", build=BUILD, router={"instance": web, "path": "/docs"},
                              dev={"command": "npx vite", "url": "http://localhost:5173"})
    assert [p.command for p in made.dev_parts()] == ["npx vite"]     # type: ignore[union-attr]  # a process
    routes = [g for g in graph.goals.values() if g.type == "aws.cloudfront.Route"]
    assert routes[0].inputs["target"] == {"u": "localhost", "http": 1, "port": 5173}
    assert not [g for g in graph.goals.values() if g.type in ("aws.cloudfront.Site", "local.Command")]


def test_the_development_server_of_a_framework_is_where_its_script_says(tmp_path: Path) -> None:
    ports: list[tuple[str, int]] = []

    def port(name: str, wanted: int = 0) -> int:
        ports.append((name, wanted))
        return 5175     # another program has 5173

    for lock, script, url, command in (
            ("package-lock.json", "vite dev --port 4321", "http://localhost:4321", "npm run dev"),
            ("package-lock.json", "vite dev", "http://localhost:5175", "npm run dev -- --port 5175"),
            ("pnpm-lock.yaml", "NODE_ENV=test vite", "http://localhost:5175", "pnpm run dev --port 5175"),
            ("package-lock.json", "vite dev & tsc -w", "http://localhost:5173", "npm run dev")):
        (tmp_path / "package.json").write_text(json.dumps({
            "scripts": {"build": "x", "dev": script}, "devDependencies": {"@react-router/dev": "8"}}))
        (tmp_path / lock).write_text("{}")
        with program(root=tmp_path, stage="local", target=Target("local", dev=True, dev_port=port)) as graph:
            made = aws.React("Web", path=".")
        (tmp_path / lock).unlink()
        routed = next(g for g in graph.goals.values() if g.type == "aws.cloudfront.Function")
        assert url.rpartition(":")[2] in routed.inputs["code"]
        assert [p.command for p in made.dev_parts()] == [command]     # type: ignore[union-attr]  # a process
    assert ports == [("Web:5173", 5173)] * 2


def test_a_router_of_another_app_is_read_and_its_store_with_it() -> None:
    with program() as graph:
        web = aws.Router.get("Web", "E2IDLMESRN6V62")
        aws.StaticSite("Docs", path="site", router={"instance": web, "path": "/pr-1"})
    read = {g.type for g in graph.goals.values() if g.read}
    assert read == {"aws.cloudfront.Distribution", "aws.cloudfront.KeyValueStore"}


def test_servers_are_kept_warm_by_as_many_schedules() -> None:
    with program() as graph:
        aws.FastApi("Api", app="src/web:app", warm=2)
        aws.NodeServer("Node", path="web", entry="main.js", warm=1)
    made = [g for g in graph.goals.values() if g.type == "aws.scheduler.Schedule"]
    assert sorted(g.urn.rpartition("::")[2] for g in made) == ["Api/Warm1/Schedule", "Api/Warm2/Schedule",
                                                               "Node/Warm1/Schedule"]
