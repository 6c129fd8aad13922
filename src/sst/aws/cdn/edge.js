// The edge function: what a viewer's request leads to. It runs on CloudFront (cloudfront-js-2.0), and, as the same
// text, on this machine. Data is in the key value store: h has the hosts with routes, h:<host> their routes, s:<key> a
// site, <ns>/<bucket> the records of its paths. A value that is too long for one key goes on in <key>#1, <key>#2 ...
import cf from "cloudfront";
const crypto = require("crypto");
const KV = cf.kvs();

async function handler(event) {
  const q = event.request, H = q.headers;
  const host = H.host.value;
  /*BEFORE*/
  const t = /*TARGET*/;
  if (!t) return gone(404, "Not Found");
  if (t.auth && !known(H, t.auth)) return ask();
  if (t.ns) return serve(q, t);
  if (t.rw) q.uri = q.uri.replace(new RegExp(t.rw[0]), t.rw[1]);
  if (t.to) return moved(q, t.to + (t.keep ? q.uri : ""), t.code || 302);
  return t.b ? toS3(q, t.b) : toUrl(q, t);
}
// Whether the password is that of the hash; then it goes no further.
function known(H, a) {
  const v = H.authorization;
  delete H.authorization;
  return v && hash(a[0] + v.value) === a[1];
}
function hash(text) {
  return crypto.createHash("sha256").update(text).digest("hex");
}
async function get(key) {
  try { return await KV.get(key); } catch (e) { return ""; }
}
async function whole(key) {
  for (let n = 0; ; n++) {
    const v = await get(key), more = [v.slice(3)];
    if (v[0] !== "+") return v;
    for (let i = 1; i < parseInt(v.slice(1, 3), 36); i++) more.push(get(key + "#" + i));
    const parts = await Promise.all(more);
    // parts of two updates have two marks: they are read again
    if (n > 4 || parts.every((p) => p.slice(0, 3) === parts[0].slice(0, 3))) return parts.map((p) => p.slice(3)).join("");
  }
}
async function site(key) {
  const v = await whole("s:" + key);
  return v && JSON.parse(v);
}
//[route
// The exact host, then *.rest with ever less, then any. Each has its own paths, the longest first. h saves reads where
// the hosts fit into one value.
async function route(q, host) {
  const names = [host], parts = host.split(".");
  for (let i = 1; i < parts.length - 1; i++) names.push("*." + parts.slice(i).join("."));
  names.push("*");
  const v = await get("h"), known = v[0] === "+" ? null : v.split(" ");
  for (let i = 0; i < names.length; i++) {
    if (known && known.indexOf(names[i]) < 0) continue;
    const rows = JSON.parse((await whole("h:" + names[i])) || "[]");
    for (let j = 0; j < rows.length; j++) {
      const p = rows[j][0], t = rows[j][1];
      if (p === "/" || q.uri === p || q.uri.indexOf(p + "/") === 0) return typeof t === "string" ? site(t) : t;
    }
  }
}
//]
async function serve(q, s) {
  let uri = q.uri, path;
  if (s.base && (uri === s.base || uri.indexOf(s.base + "/") === 0)) uri = uri.slice(s.base.length);
  if (!uri && !s.slash) uri = "/";
  try { path = decodeURIComponent(uri); } catch (e) { return gone(400, "Bad Request"); }
  for (let i = 0; i < s.imm.length; i++)
    if (path.indexOf(s.imm[i]) === 0) { q.uri = (s.dir || "") + uri; return toS3(q, s.s3); }
  const reads = q.method === "GET" || q.method === "HEAD";
  if (reads) {
    const page = path && await look(s, path);
    if (page) { q.uri = s.pages + page; return toS3(q, s.s3); }
    if (s.slash && path.slice(-1) !== "/" && await look(s, path + "/")) return moved(q, q.uri + "/", 308);
  }
  if (s.next) q.headers["x-open-next-cache-key"] = { value: kind(q) };
  const part = (s.fn || []).find((f) => new RegExp(f[0]).test(q.uri));
  if (part) return toUrl(q, part[1]);
  if (s.servers) return toUrl(q, near(q.headers, s.servers));
  if (!reads) return gone(405, "Method Not Allowed");
  if (!s.miss) return gone(404, "Not Found");
  q.uri = s.pages + s.miss;
  return toS3(q, s.s3);
}
// A path is a name and one of five spellings. A record: hash of the name (9), spellings (1), hash of the content (8).
async function look(s, path) {
  const ends = ["/index.html", "/index", ".html", "/"], bits = [8, 16, 4, 2];
  let name = path, bit = 1;
  for (let i = 0; i < 4 && bit === 1; i++)
    if (path.slice(-ends[i].length) === ends[i]) { name = path.slice(0, path.length - ends[i].length); bit = bits[i]; }
  const h = hash(name), want = h.slice(6, 15), v = await get(s.ns + "/" + (parseInt(h.slice(0, 6), 16) % s.n).toString(36));
  for (let i = 0; i < v.length; i += 18)
    if (v.slice(i, i + 9) === want && parseInt(v[i + 9], 36) & bit) return v.slice(i + 10, i + 18);
}
// What an answer of Next.js depends on besides host, path and query: the CDN keeps one of each kind.
function kind(q) {
  const names = q.uri.indexOf("/_next/image") >= 0 ? ["accept"] : ["rsc", "next-router-prefetch", "next-router-segment-prefetch", "next-router-state-tree", "next-url", "x-nextjs-data"];
  const told = names.map((n) => (q.headers[n] ? q.headers[n].value : ""));
  return hash(told.join("|") + (q.cookies.__prerender_bypass ? "draft" : ""));
}
// Of servers in several regions the one that is nearest; the first where CloudFront does not say where the visitor is.
function near(H, v) {
  const a = H["cloudfront-viewer-latitude"], b = H["cloudfront-viewer-longitude"], r = Math.PI / 360;
  const far = (t) => {
    const y = Math.sin((t.at[0] - a.value) * r), x = Math.sin((t.at[1] - b.value) * r);
    return y * y + Math.cos(t.at[0] * 2 * r) * Math.cos(a.value * 2 * r) * x * x;
  };
  return v[1] && a && b ? v.reduce((m, t) => (far(t) < far(m) ? t : m)) : v[0];
}
function toUrl(q, t) {
  const H = q.headers;
  H["x-forwarded-host"] = { value: H.host.value };
  if (t.key) H["x-sst-key"] = { value: t.key };
  let n = 0;
  for (const k in H) all(H[k]).forEach((v) => { n += k.length + v.length + 4; });
  for (const k in q.cookies) all(q.cookies[k]).forEach((v) => { n += k.length + v.length + 3; });
  if (n > 9728) return gone(431, "Request Header Fields Too Large");
  const o = { domainName: t.u, customOriginConfig: { port: t.port || 443, protocol: t.http ? "http" : "https", sslProtocols: ["TLSv1.2"] }, originAccessControlConfig: { enabled: false } };
  if (t.t) o.timeouts = t.t;
  if (t.a) o.connectionAttempts = t.a;
  cf.updateRequestOrigin(o);
  return q;
}
function toS3(q, domain) {
  q.headers["x-forwarded-host"] = { value: domain };
  q.cookies = {};
  q.querystring = {};
  delete q.headers.authorization;
  cf.updateRequestOrigin({ domainName: domain, originAccessControlConfig: { enabled: true, signingBehavior: "always", signingProtocol: "sigv4", originType: "s3" } });
  return q;
}
function all(v) {
  return (v.multiValue || [v]).map((x) => x.value);
}
function moved(q, to, code) {
  const more = [];
  for (const k in q.querystring) all(q.querystring[k]).forEach((v) => more.push(k + (v ? "=" + v : "")));
  return { statusCode: code, statusDescription: "Redirect", headers: { location: { value: to + (more.length ? (to.indexOf("?") < 0 ? "?" : "&") + more.join("&") : "") } } };
}
function ask() {
  const r = gone(401, "Unauthorized");
  r.headers["www-authenticate"] = { value: "Basic" };
  return r;
}
function gone(code, text) {
  return { statusCode: code, statusDescription: text, headers: { "cache-control": { value: "no-store" }, "content-type": { value: "text/plain; charset=utf-8" } }, body: { encoding: "text", data: text } };
}
