// What all pages share: the token, calls of the server, live news, and small pieces of the page.
import { html, useEffect, useRef, useState } from "./preact.js";

const KEY = "sst-console-token";
let token = "";
const given = /^#token=([\w-]+)/.exec(location.hash);
if (given) {
  token = given[1];
  try { localStorage.setItem(KEY, token); } catch { /* storage is blocked: it lives as long as this page */ }
  history.replaceState(null, "", location.pathname + location.search + "#/overview");
} else {
  try { token = localStorage.getItem(KEY) || ""; } catch { /* see above */ }
}

export class Failed extends Error {
  constructor(status, told) { super(told.error || "the console does not answer"); this.status = status; this.told = told; }
}
export async function api(path, body) {
  const headers = { authorization: `Bearer ${token}` };
  if (body) Object.assign(headers, { "content-type": "application/json", "x-sst-console": "1" });
  let answer;
  try {
    answer = await fetch(`/api/${path}`, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers });
  } catch {
    throw new Failed(0, { error: "The console has ended.", hint: "`sst console` starts it again" });
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (answer.status === 403 && told.code === "refused") gone(told.error);
    throw new Failed(answer.status, told);
  }
  return told;
}

// news: what the server says has changed; listeners hear each change
export const live = { state: "connecting", news: {}, listeners: new Set(), refused: "" };
const tell = () => live.listeners.forEach((f) => f());
function gone(why) { live.refused = why || "refused"; live.state = "refused"; tell(); }
let stream = null;
export async function listen() {
  if (stream || live.refused || document.hidden) return;
  const mine = stream = new AbortController();
  try {
    const answer = await fetch("/api/events", { headers: { authorization: `Bearer ${token}` }, signal: mine.signal });
    if (answer.status === 403) return gone((await answer.json()).error);
    if (!answer.ok) throw new Error();
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const { news } = JSON.parse(line);
        if (news) { live.news = news; }
        if (news || live.state !== "live") { live.state = "live"; tell(); }
      }
    }
  } catch { /* told below */ }
  if (stream === mine) stream = null;
  if (!document.hidden && !live.refused) { live.state = "lost"; tell(); setTimeout(listen, 1500); }
}
addEventListener("visibilitychange", () => {
  if (document.hidden) { stream?.abort(); stream = null; } else listen();
});

export function useLive() {
  const [, set] = useState(0);
  useEffect(() => { const f = () => set((n) => n + 1); live.listeners.add(f); return () => live.listeners.delete(f); }, []);
  return live;
}
// One call for all that ask for the same path at the same time, after the same news
const flying = new Map();
function shared(path, stamp, again) {
  const key = `${path} ${stamp}`;
  if (again) return api(path);
  if (!flying.has(key)) flying.set(key, api(path).finally(() => flying.delete(key)));
  return flying.get(key);
}
// Data of a path, read again when one of `keys` of the news changes; the former stays until the new is there.
export function useApi(path, keys = []) {
  const [state, set] = useState({ data: null, error: null }), [again, setAgain] = useState(0), asked = useRef("");
  const { news } = useLive(), stamp = keys.map((k) => news[k]).join();
  useEffect(() => {
    if (!path) return;
    let over = false;
    if (asked.current !== path) set({ data: null, error: null });
    const wait = asked.current === path ? 120 : 0;
    asked.current = path;
    const timer = setTimeout(() => shared(path, stamp, again).then((data) => over || set({ data, error: null }),
      (error) => over || set((s) => ({ data: s.data, error }))), wait);
    return () => { over = true; clearTimeout(timer); };
  }, [path, stamp, again]);
  return { ...state, reload: () => setAgain((n) => n + 1) };
}

export const copy = (text) => navigator.clipboard?.writeText(text).catch(() => {});
export const go = (hash) => { location.hash = hash; };
export const link = (page, query = {}) => {
  const q = new URLSearchParams(Object.entries(query).filter(([, v]) => v !== "" && v != null)).toString();
  return `#/${page}${q ? `?${q}` : ""}`;
};
export const ms = (v) => v == null ? "–" : v >= 59950 ? `${(v / 60000).toFixed(1)} min` : v >= 1000 ? `${(v / 1000).toFixed(v < 10000 ? 2 : 1)} s` : v >= 10 ? `${Math.round(v)} ms` : `${v.toFixed(1)} ms`;
export const clock = (t, parts = 8) => { const d = new Date(t * 1000); return new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(11, 11 + parts); };
export const day = (t) => { const d = new Date(t * 1000); return new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, 10); };
export const ago = (t) => { const s = Math.max(0, Date.now() / 1000 - t); return s < 90 ? `${Math.round(s)} s ago` : s < 5400 ? `${Math.round(s / 60)} min ago` : s < 129600 ? `${Math.round(s / 3600)} h ago` : `${Math.round(s / 86400)} days ago`; };
export const many = (n, one, more = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;
export const typing = (e) => /INPUT|TEXTAREA|SELECT/.test(e.target.tagName);

const GLYPH = {
  function: "M4 12.5 7.2 5h1.2l3.2 7.5M5.6 3.5h2", bucket: "M3 4h10l-1.2 9H4.2zM3 4c0-1 2.2-1.6 5-1.6S13 3 13 4s-2.2 1.6-5 1.6S3 5 3 4z",
  table: "M2.5 3.5h11v9h-11zM2.5 6.5h11M6.5 6.5v6M2.5 9.5h11", queue: "M2.5 5h3v6h-3zM6.5 5h3v6h-3zM10.5 5h3v6h-3z",
  api: "M6 4 2.5 8 6 12M10 4l3.5 4L10 12", cron: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2.2 1.4",
  other: "M3 3h10v10H3z", topic: "M2.5 8h5M7.5 8l5-4M7.5 8l5 4M7.5 8h5.5", mail: "M2.5 4h11v8h-11zM2.5 4.5l5.5 4 5.5-4", bus: "M2.5 8h11M5 8V4.5M8 8v3.5M11 8V4.5",
  database: "M3 4.5c0-1.4 10-1.4 10 0v7c0 1.4-10 1.4-10 0zM3 4.5c0 1.4 10 1.4 10 0" };
const COLOR = { topic: "queue", bus: "queue", mail: "queue", stream: "table", database: "table", router: "api" };
export const color = (kind) => `var(--${GLYPH[kind] && !COLOR[kind] ? (kind === "other" ? "faint" : kind) : COLOR[kind] || "faint"})`;
export const Icon = ({ kind, x = 0, y = 0 }) => html`<svg x=${x} y=${y} width="16" height="16" viewBox="0 0 16 16" fill="none" stroke=${color(kind)} stroke-width="1.5" stroke-linejoin="round" stroke-linecap="round" aria-hidden="true"><path d=${GLYPH[kind] || GLYPH.other}/></svg>`;
export const Dot = ({ state }) => html`<span class="dot ${state === "ok" ? "" : state}" title=${{ ok: "well", bad: "failing", idle: "not used yet" }[state]}></span>`;
export const Bars = ({ values, bad = [], w = 120, h = 26, fill = "var(--bar)", label }) => {
  const max = Math.max(1, ...values), bw = w / values.length;
  return html`<svg class="bars" style=${w > 130 ? `width:100%;height:${h}px;display:block` : "flex:none"} width=${w} height=${h} viewBox="0 0 ${w} ${h}" preserveAspectRatio="none" role="img" aria-label=${label || `over time; the highest is ${max}`}>
    ${values.map((v, i) => v > 0 && html`<rect x=${i * bw + 0.5} y=${h - Math.max(2, v / max * h)} width=${Math.max(1, bw - 1.5)} height=${Math.max(2, v / max * h)} rx="1" fill=${bad[i] ? "var(--bad)" : fill}/>`)}
    <line x1="0" x2=${w} y1=${h - 0.5} y2=${h - 0.5} stroke="var(--line2)"/></svg>`;
};

export function Problem({ error }) {
  const told = error.told || {};
  const message = error.message + (told.where ? ` (${told.where})` : "");
  return html`<div class="note bad" role="alert"><b>${message.split("\n")[0]}</b>${message.includes("\n") ? html`<pre tabindex="0">${message.split("\n").slice(1).join("\n")}</pre>` : ""}${told.hint ? html`<div class="dim">${told.hint}</div>` : ""}</div>`;
}
export const Waiting = () => html`<div class="loading" aria-live="polite">Reading…</div>`;

// JSON with colours; anything else as it is. Always text nodes.
export function Json({ value, label }) {
  let text = value ?? "";
  try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* no JSON, or cut */ }
  if (text.length > 200000) text = text.slice(0, 200000) + "…";
  const parts = [], re = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g;
  let at = 0;
  if (text.length < 60000) {
    for (let m; (m = re.exec(text));) {
      parts.push(text.slice(at, m.index));
      parts.push(m[1] ? (m[2] ? [html`<span class="k">${m[1]}</span>`, m[2]] : html`<span class="s">${m[1]}</span>`) : html`<span class=${m[3] ? "b0" : "num"}>${m[0]}</span>`);
      at = re.lastIndex;
    }
  }
  return html`<pre tabindex="0" aria-label=${label}>${parts}${text.slice(at)}</pre>`;
}

export function Dialog({ title, close, children, footer }) {
  const ref = useRef();
  useEffect(() => {
    const before = document.activeElement;
    (ref.current.querySelector("input,textarea") || ref.current.querySelector("button") || ref.current).focus();
    const keys = (e) => {
      if (e.key === "Escape") { e.stopPropagation(); close(); }
      if (e.key === "Tab") {
        const all = [...ref.current.querySelectorAll("button,input,select,textarea,a,[tabindex='0']")].filter((el) => !el.disabled), first = all[0], last = all.at(-1);
        if (!ref.current.contains(document.activeElement)) { first.focus(); e.preventDefault(); }     // what had it is gone
        else if (e.shiftKey && document.activeElement === first) { last.focus(); e.preventDefault(); }
        else if (!e.shiftKey && document.activeElement === last) { first.focus(); e.preventDefault(); }
      }
    };
    addEventListener("keydown", keys, true);
    return () => { removeEventListener("keydown", keys, true); before?.focus?.(); };
  }, []);
  return html`<div class="over" onClick=${(e) => e.target === e.currentTarget && close()}><div class="box" role="dialog" aria-modal="true" aria-label=${title} ref=${ref} tabindex="-1">
    <header><h2>${title}</h2><button onClick=${close}>Close <kbd>esc</kbd></button></header><div class="body">${children}</div>${footer ? html`<footer>${footer}</footer>` : ""}</div></div>`;
}

// The rows of a long list that are to be seen
export function useWindow(ref, count, height, over = 10) {
  const [range, set] = useState([0, 60]);
  useEffect(() => {
    const el = ref.current;
    if (!el) return;
    const look = () => {     // in steps of 5 rows: not each move draws them anew
      const first = Math.max(0, Math.floor(el.scrollTop / height / 5) * 5 - over), last = Math.min(count, Math.ceil((el.scrollTop + el.clientHeight) / height / 5) * 5 + over);
      set((now) => now[0] === first && now[1] === last ? now : [first, last]);
    };
    look();
    el.addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => { el.removeEventListener("scroll", look); removeEventListener("resize", look); };
  }, [count, height]);
  return range;
}
