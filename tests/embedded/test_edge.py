"""The edge function: QuickJS, Node and a look at the files themselves agree on what a request leads to."""
from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from subprocess import PIPE
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sst.aws.cdn.edge import request_code, response_code
from sst.clouds.aws.cloudfront_keys import Changes
from sst.clouds.aws.cloudfront_pages import Pages, Rules
from sst.clouds.aws.cloudfront_route import put
from sst.clouds.aws.cloudfront_switch import switch
from sst.clouds.aws.cloudfront_versions import Version
from sst.clouds.local.folders import File, Folder
from sst.embedded.cdn.runtime import EdgeError, EdgeFunction, fault_of

SITE = 'await site("site")'
NODE = shutil.which("node")
ENGINE = """
async function decided({code, store, events}) {
  const state = {}, made = [];
  const get = async (key) => { if (!Object.hasOwn(store, key)) throw new Error('no'); return store[key]; };
  const cf = {kvs: () => ({get}), updateRequestOrigin: (o) => { state.origin = o; }};
  const handler = new Function('cf', 'require', code.replace(/import cf from"cloudfront";/, '') + ';return handler')(
    cf, require);
  for (const event of events) {
    state.origin = null;
    made.push({result: await handler(event), origin: state.origin});
  }
  return made;
}
(async () => {
  for await (const line of require('readline').createInterface({input: process.stdin}))
    console.log(JSON.stringify(await decided(JSON.parse(line))));
})();
"""


def folder(names: list[str]) -> Folder:
    return Folder(tuple(File(n, n, 1, hashlib.sha256(n.encode()).hexdigest()) for n in sorted(names)), "d")


def store_of(files: Folder, rules: Rules, base: str = "") -> dict[str, str]:
    """The keys of a site."""
    record = {"s3": "b.s3.us-east-1.amazonaws.com", "slash": int(rules.slash), **({"base": base} if base else {})}
    version = Version.of(Pages(files, rules), record)
    version.settle("site", None, [], in_doubt=False)
    changes = Changes({}.get)
    switch(changes, "site", "v", version, None, "")
    assert all(len(v) <= 1024 for v in changes.puts.values())
    return changes.puts


def event(path: str, method: str = "GET", host: str = "d1.cloudfront.net", query: Mapping[str, Any] | None = None,
          headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"version": "1.0", "context": {"eventType": "viewer-request"}, "viewer": {"ip": "127.0.0.1"},
            "request": {"method": method, "uri": path, "querystring": query or {}, "cookies": {},
                        "headers": {"host": {"value": host}, **{k: {"value": v} for k, v in (headers or {}).items()}}}}


def decided(store: Mapping[str, str], code: str, *events: Any) -> list[dict[str, Any]]:
    function = EdgeFunction(code, lambda: ("1", store), print)
    return [{k: v for k, v in function(e).items() if k != "lines"} for e in events]


@pytest.fixture(scope="module")
def node() -> Iterator[Node | None]:
    """None where Node is not installed: then QuickJS is compared with the rest alone."""
    if not NODE:
        yield None
        return
    with subprocess.Popen([NODE, "-e", ENGINE], stdin=PIPE, stdout=PIPE, text=True) as process:
        yield Node(process)
        process.kill()


class Node:
    """The same text in the engine that CloudFront's is closest to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def decided(self, store: Mapping[str, str], code: str, *events: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"code": code, "store": dict(store), "events": events}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def looked_up(names: set[str], path: str, *, slash: bool) -> str:
    """The file that answers, ``308`` for a redirect, or nothing: as a plain web server would look."""
    wanted = unquote(path).lstrip("/")
    for name in (wanted, f"{wanted}.html"):
        if name in names and name != ".html":
            return name
    if (not wanted or wanted.endswith("/")) and f"{wanted}index.html" in names:
        return f"{wanted}index.html"
    if f"{wanted}/index.html" in names and wanted and not wanted.endswith("/"):
        return "308" if slash else f"{wanted}/index.html"
    return ""


SEGMENTS = st.sampled_from(["a", "b c", "ü", "index", "x.html", ".well-known", "404", "%20", "docs", "日本", "a+b",
                            "q?"])
NAMES = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join)
FILES = st.builds(lambda n, end: n + end, NAMES, st.sampled_from(["/index.html", ".html", "/file.txt", ""]))


@st.composite
def trees(draw: st.DrawFn) -> list[str]:
    """Names of which none is a folder of another."""
    names = set(draw(st.lists(FILES, min_size=1, max_size=draw(st.sampled_from([3, 20, 200])))))
    return sorted(n for n in names if not any(o.startswith(f"{n}/") for o in names))


@given(names=trees(), slash=st.booleans(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_tree_and_any_request(node: Node | None, names: list[str], slash: bool, data: st.DataObject) -> None:
    rules = Rules(slash=slash, error="404.html")
    store, pages = store_of(folder(names), rules), Pages(folder(names), rules)
    known = st.sampled_from(names)
    spelled = known.flatmap(lambda n: st.sampled_from(
        [n, n.removesuffix("/index.html"), n.removesuffix(".html"), n.removesuffix("index.html"), f"{n}/"]))
    paths = data.draw(st.lists(st.one_of(spelled, NAMES), min_size=1, max_size=40))
    events = [event(f"/{quote(p)}") for p in paths]
    code = request_code(SITE, routes=False)
    made = decided(store, code, *events)
    assert node is None or made == node.decided(store, code, *events)
    for path, one in zip(paths, made, strict=True):
        found = looked_up(set(names), f"/{quote(path)}", slash=slash)
        result = one["result"]
        if found == "308":
            assert result["statusCode"] == 308 and result["headers"]["location"]["value"] == f"/{quote(path)}/"
        elif found:
            assert result["uri"] == f"/_p/{pages.paths[f'/{found}']}"
        elif pages.miss:
            assert result["uri"] == f"/_p/{pages.miss}"
        else:
            assert result["statusCode"] == 404


def test_node_decides_the_same(node: Node | None) -> None:
    names = ["index.html", "docs/index.html", "a b/ü.html", "x.html/index.html", "404.html", "assets/app-B7fX2k9a.js"]
    store = store_of(folder(names), Rules(error="404.html"))
    changes = Changes(store.get)
    put(changes, "*", "/", "site", "11111111")
    put(changes, "a.example.com", "/api", {"u": "api.example.com", "rw": ["^/api", ""], "t": {"readTimeout": 5}}, "22")
    put(changes, "*.example.com", "/old", {"to": "https://example.com", "code": 308, "keep": 1}, "33")
    store = {**store, **changes.puts}
    paths = ["/", "/docs", "/docs/", "/a%20b/%C3%BC", "/x.html", "/x.html/", "/nope", "/%zz", "/assets/app-B7fX2k9a.js",
             "/api/x", "/apis", "/old/x"]
    query = {"a/b": {"value": "1"}, "c": {"value": "x", "multiValue": [{"value": "x"}, {"value": ""}]}}
    events = [event(p, m, h, query)
              for p in paths for m in ("GET", "POST") for h in ("a.example.com", "b.example.com", "d1.cloudfront.net")]
    code = request_code("await route(q,host)", routes=True)
    assert node is None or decided(store, code, *events) == node.decided(store, code, *events)


def test_pages_of_next_js_are_kept_by_what_else_they_depend_on() -> None:
    record = {"s3": "b.s3.us-east-1.amazonaws.com", "next": 1, "servers": [{"u": "x.lambda-url.us-east-1.on.aws"}]}
    version, changes = Version.of(Pages(folder(["a.txt"]), Rules()), record), Changes({}.get)
    version.settle("site", None, [], in_doubt=False)
    switch(changes, "site", "v", version, None, "")
    draft = event("/")
    draft["request"]["cookies"] = {"__prerender_bypass": {"value": "x"}}
    events = [event("/", headers={"accept": "text/html"}), event("/", headers={"accept": "*/*"}),
              event("/", headers={"rsc": "1"}), event("/", headers={"rsc": "1", "next-router-prefetch": "1"}), draft,
              event("/_next/image", headers={"accept": "image/avif"}),
              event("/_next/image", headers={"accept": "image/webp"})]
    made = decided(changes.puts, request_code(SITE, routes=False), *events)
    page, same, *others = (one["result"]["headers"]["x-open-next-cache-key"]["value"] for one in made)
    assert page == same and len({page, *others}) == 6


def test_paths_of_a_server_that_is_split_lead_to_its_functions() -> None:
    record = {"s3": "b.s3.us-east-1.amazonaws.com", "next": 1, "servers": [{"u": "all.test"}],
              "fn": [["^/docs/_next/image.*$", {"u": "all.test"}], ["^/docs/api/.*$", {"u": "api.test"}],
                     ["^/docs/.*$", {"u": "rest.test"}]]}
    version, changes = Version.of(Pages(folder(["docs/api/logo.svg"]), Rules()), record), Changes({}.get)
    version.settle("site", None, [], in_doubt=False)
    switch(changes, "site", "v", version, None, "")
    asked = ["/docs/_next/image", "/docs/api/x", "/docs/apis", "/docs", "/docs/api/logo.svg"]
    made = decided(changes.puts, request_code(SITE, routes=False), *map(event, asked))
    assert [one["origin"]["domainName"] for one in made] == [
        "all.test", "api.test", "rest.test", "all.test", "b.s3.us-east-1.amazonaws.com"]


@cache
def routed() -> dict[str, str]:
    changes = Changes({}.get)
    for host, path, to in (("*", "/", "any"), ("*", "/a", "any-a"), ("*", "/a/b", "any-a-b"),
                           ("*.example.com", "/a", "star"), ("x.example.com", "/a/b", "exact")):
        put(changes, host, path, {"u": f"{to}.test"}, to.rjust(8, "0"))
    return changes.puts


@pytest.mark.parametrize(("host", "path", "to"), [
    ("other.test", "/a/b/c", "any-a-b"), ("other.test", "/a/bc", "any-a"), ("other.test", "/ab", "any"),
    ("y.example.com", "/a/b", "star"), ("deep.y.example.com", "/a", "star"), ("y.example.com", "/b", "any"),
    ("x.example.com", "/a/b", "exact"), ("x.example.com", "/a", "star"), ("x.example.com", "/", "any")])
def test_the_most_exact_host_then_the_longest_path(host: str, path: str, to: str) -> None:
    made = decided(routed(), request_code("await route(q,host)", routes=True), event(path, host=host))
    assert made[0]["origin"]["domainName"] == f"{to}.test"
    assert made[0]["result"]["headers"]["x-forwarded-host"]["value"] == host


@pytest.mark.parametrize("routes", [4, 400])
def test_the_work_for_a_request_does_not_grow_with_the_routes(routes: int) -> None:
    changes = Changes({}.get)
    for n in range(routes):
        put(changes, f"a{n // 4}.example.com", f"/p{n % 4}", {"u": "x.test"}, f"{n:08d}")
    counted = Counted(changes.puts)
    EdgeFunction(request_code("await route(q,host)", routes=True), lambda: ("1", counted), print)(
        event("/p1", host="a0.example.com"))
    assert counted.reads == ["h", "h:a0.example.com"]


class Counted(dict[str, str]):
    """Notes what is read."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(given)
        self.reads: list[str] = []

    def get(self, key: str, default: Any = None) -> Any:
        self.reads.append(key)
        return super().get(key, default)


class Torn(Counted):
    """A later part is that of another update when it is read first."""

    def get(self, key: str, default: Any = None) -> Any:
        first = key not in self.reads
        found = super().get(key, default)
        return f"xxx{found[3:]}" if "#" in key and first else found


def test_parts_of_two_updates_are_read_again() -> None:
    changes = Changes({}.get)
    for n in range(60):
        put(changes, "*", f"/p{n}", {"u": f"to-{n}.test"}, f"{n:08d}")
    store = Torn(changes.puts)
    function = EdgeFunction(request_code("await route(q,host)", routes=True), lambda: ("1", store), print)
    assert function(event("/p7"))["origin"]["domainName"] == "to-7.test"
    assert store.reads.count("h:*") == 2 and store.reads.count("h:*#1") == 2


def test_another_store_gives_another_result() -> None:
    store: list[tuple[str, dict[str, str]]] = [("1", {})]
    function = EdgeFunction(request_code("await route(q,host)", routes=True), lambda: store[0], print)
    assert function(event("/a"))["result"]["statusCode"] == 404
    store[0] = "2", routed()
    assert function(event("/a"))["origin"]["domainName"] == "any-a.test"


def test_the_nearest_of_several_servers_is_chosen(node: Node | None) -> None:
    servers = [{"u": name, "at": at} for name, at in (("virginia", [39.0, -77.5]), ("ireland", [53.3, -6.3]),
                                                     ("tokyo", [35.7, 139.7]))]
    code = request_code(json.dumps({"ns": "n", "n": 1, "imm": [], "slash": 1, "servers": servers}), routes=False)
    asked = {("40.7", "-74.0"): "virginia", ("48.2", "16.4"): "ireland", ("-41.3", "174.8"): "tokyo",
             ("64.1", "-21.9"): "ireland", ("21.3", "-157.9"): "tokyo", ("x", "y"): "virginia"}
    events = [event("/a", "POST", headers={"cloudfront-viewer-latitude": a, "cloudfront-viewer-longitude": b})
              for a, b in asked]
    made = decided({}, code, *events, event("/a"))
    assert [m["origin"]["domainName"] for m in made] == [*asked.values(), "virginia"]
    if node:
        assert [m["origin"]["domainName"] for m in node.decided({}, code, *events)] == list(asked.values())


def test_the_text_leaves_room_for_that_of_the_user() -> None:
    assert len(request_code("await route(q,host)", routes=True).encode()) <= 5500


def test_code_of_the_user_comes_first_and_may_answer() -> None:
    own = "if(event.request.uri==='/teapot')return {statusCode:418};event.request.headers['x-a']={value:'1'};"
    code = request_code("await route(q,host)", own=own, routes=True)
    made = decided(routed(), code, event("/teapot"), event("/a"))
    assert made[0]["result"] == {"statusCode": 418}
    assert made[1]["result"]["headers"]["x-a"] == {"value": "1"}


def test_code_that_never_ends_is_stopped() -> None:
    with pytest.raises(EdgeError, match="interrupted"):
        decided({}, request_code("await route(q,host)", own="for(;;);", routes=True), event("/"))


def test_too_many_headers_are_refused_before_the_origin_would() -> None:
    made = decided(routed(), request_code("await route(q,host)", routes=True), event("/", headers={"x": "y" * 9800}))
    assert made[0]["result"]["statusCode"] == 431


@pytest.mark.parametrize("own", ["", "q.x = 1; // with a note"])
def test_a_long_path_is_looked_up(own: str) -> None:
    name = "a" * 700
    store = store_of(folder([f"{name}.html"]), Rules())
    found, missing = decided(store, request_code(SITE, own=own, routes=False), event(f"/{name}"), event(f"/{name}b"))
    assert found["origin"]["domainName"].startswith("b.s3.") and missing["result"]["statusCode"] == 404


def test_code_that_can_not_be_loaded_says_why() -> None:
    faults = [fault_of(request_code(SITE, own=own, routes=False)) for own in ("if (", "}", "q.x = 1; // with a note")]
    assert [f.partition(":")[0] for f in faults] == ["SyntaxError", "SyntaxError", ""]


def test_a_redirect_keeps_the_query_of_both_sides() -> None:
    changes = Changes({}.get)
    put(changes, "*", "/a", {"to": "https://x.test/?b=1", "code": 307}, "00000001")
    made = decided(changes.puts, request_code("await route(q,host)", routes=True),
                   event("/a", query={"c": {"value": "2"}}))
    assert made[0]["result"]["headers"]["location"]["value"] == "https://x.test/?b=1&c=2"


def test_an_error_page_has_its_status() -> None:
    given = {"response": {"statusCode": 200, "headers": {"x-amz-meta-sst-status": {"value": "404"}}}}
    made = decided({}, response_code("r.headers.a={value:'1'};"), given)
    assert made[0]["result"] == {"statusCode": 404, "headers": {"a": {"value": "1"}}}


def test_a_site_below_a_path() -> None:
    store = store_of(folder(["index.html", "a.html"]), Rules(), "/docs")
    code = request_code(SITE, routes=False)
    moved, root, page = decided(store, code, event("/docs", query={"q": {"value": "1"}}), event("/docs/"),
                                event("/docs/a"))
    assert moved["result"]["headers"]["location"]["value"] == "/docs/?q=1"
    assert root["result"]["uri"] != page["result"]["uri"]
    assert root["result"]["querystring"] == {} and root["origin"]["domainName"].startswith("b.s3.")
