import { html, useEffect, useLayoutEffect, useRef, useState } from "./preact.js";
import { api, clock, go, link, live, Problem, typing, useApi, useLive, useWindow } from "./lib.js";

const HEIGHT = 24;
export const Logs = ({ query, app }) => app.local ? html`<${Recorded} query=${query}/>` : html`<${Searched} query=${query} key=${`${query.text}|${query.fn}|${query.back}`}/>`;
// Lines that a cloud keeps: a search that goes from log to log, and shows what it has found so far
function Searched({ query }) {
  const [lines, setLines] = useState([]), [facts, setFacts] = useState(null), [error, setError] = useState(null), [text, setText] = useState(query.text || ""), [turn, again] = useState(0), { data: graph } = useApi("overview"), back = query.back || "15 minutes";
  const to = (q) => go(link("logs", { text: query.text, fn: query.fn, back: query.back, ...q }));
  useEffect(() => {
    let over = false, timer = 0, all = [];
    const part = (next, until) => api(`cloud-logs?${new URLSearchParams({ text: query.text || "", fn: query.fn || "", back, next, until })}`).then((d) => {
      if (over) return;
      all = [...all, ...d.lines].sort((a, b) => b.at - a.at);
      setLines(all); setFacts(d); setError(null);
      if (d.wait) timer = setTimeout(() => part(d.next, d.until), d.wait * 1000 + 100);
      else if (d.next && all.length < 2000) part(d.next, d.until);
    }, (e) => over || setError(e));
    setLines([]); setFacts(null); part("", "");
    return () => { over = true; clearTimeout(timer); };
  }, [query.text, query.fn, back, turn]);
  const going = facts && (facts.next || facts.wait) && lines.length < 2000;
  return html`<div class="list" style="flex:1;border:0"><div class="filter"><div class="row"><input aria-label="Search lines" placeholder="Search all functions: the cloud's own logs" value=${text} onInput=${(e) => setText(e.target.value)} onKeyDown=${(e) => { if (e.key === "Enter") to({ text }); }}/>
    <select aria-label="Function" value=${query.fn || ""} onChange=${(e) => to({ fn: e.target.value })}><option value="">All functions</option>${(graph?.parts || []).filter((p) => p.kind === "function").map((p) => html`<option value=${p.name}>${p.title}</option>`)}</select>
    <select aria-label="How far back" value=${back} onChange=${(e) => to({ back: e.target.value })}>${["15 minutes", "1 hour", "6 hours", "24 hours", "7 days"].map((b) => html`<option value=${b}>${b}</option>`)}</select><button onClick=${() => again(turn + 1)}>Look again</button></div></div>
    ${error ? html`<div style="padding:14px"><${Problem} error=${error}/></div>` : ""}<div class="faint" role="status" style="padding:8px 24px">${facts ? html`Searched ${back}, ${facts.searched} of ${facts.total} logs${going ? " so far" : ""}. ${facts.calls} calls of the cloud since the console was started.${facts.wait ? html` <span class="warn">The cloud asks to slow down: it is asked again in ${Math.ceil(facts.wait)} s.</span>` : ""}${!going && !lines.length ? " No line was found." : ""}` : error ? "" : "Reading…"}</div>
    <div class="rows" tabindex="0" role="region" aria-label="Lines, the newest first">${lines.slice(0, 2000).map((r, n) => html`<div class="vlog ${/ERROR|CRITICAL|Task timed out/.test(r.text) ? "e" : ""}" key=${n} style="height:${HEIGHT}px;cursor:default" title=${r.text.slice(0, 500)}><span class="faint">${clock(r.at, 12)}</span><span class="dim ell hidesmall">${r.function}</span><code class="ell">${r.text.split("\n")[0].slice(0, 500)}</code></div>`)}</div></div>`;
}
function Recorded({ query }) {
  const [rows, setRows] = useState(null), [error, setError] = useState(null), [text, setText] = useState(query.text || ""), ref = useRef(), { news } = useLive(), busy = useRef(false), now = useRef([]);
  const { data: graph } = useApi("overview"), path = (more) => `logs?text=${encodeURIComponent(query.text || "")}&fn=${encodeURIComponent(query.fn || "")}&level=${encodeURIComponent(query.level || "")}${more}`;
  const keep = (list) => { now.current = list; setRows(list); }, to = (q) => go(link("logs", { text: query.text, fn: query.fn, level: query.level, ...q }));
  useEffect(() => { setText(query.text || ""); }, [query.text]);
  useEffect(() => { let over = false; api(path("")).then((d) => over || (keep(d), setError(null)), (e) => over || setError(e)); return () => { over = true; }; }, [query.text, query.fn, query.level, news.lines]);
  const [a, b] = useWindow(ref, rows?.length || 0, HEIGHT);
  useEffect(() => {
    if (!rows || b < rows.length - 60 || busy.current || rows.length < 500) return;
    busy.current = true;
    api(path(`&before=${rows.at(-1).id}`)).then((d) => keep([...now.current, ...d])).finally(() => { busy.current = false; });
  }, [b, rows]);
  useLayoutEffect(() => {
    const keys = (e) => {
      if (typing(e) || document.querySelector(".box") || e.ctrlKey || e.metaKey) return;
      if (e.key === "/") document.querySelector(".filter input").focus();
      else if (e.key === "Escape") go(link("logs"));
      else if (e.key === "n") { const at = rows?.findIndex((r, i) => i * HEIGHT > ref.current.scrollTop + 1 && bad(r)); if (at > 0) ref.current.scrollTop = at * HEIGHT; }
      else return;
      e.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  const bad = (r) => /ERROR|CRITICAL|FATAL/.test(r.level) || r.text.startsWith("[ERROR]");
  return html`<div class="list" style="flex:1;border:0"><div class="filter"><div class="row"><input aria-label="Search lines" placeholder="Search all functions (/)" value=${text} onInput=${(e) => setText(e.target.value)} onKeyDown=${(e) => { if (e.key === "Enter") to({ text }); if (e.key === "Escape") { to({ text: "" }); e.target.blur(); } }} onBlur=${() => text !== (query.text || "") && to({ text })}/>
    <select aria-label="Function" value=${query.fn || ""} onChange=${(e) => to({ fn: e.target.value })}><option value="">All functions</option>${(graph?.parts || []).filter((p) => p.kind === "function").map((p) => html`<option value=${p.name}>${p.title}</option>`)}</select>
    <select aria-label="Level" value=${query.level || ""} onChange=${(e) => to({ level: e.target.value })}><option value="">All levels</option>${["ERROR", "WARNING", "WARN", "DEBUG"].map((l) => html`<option value=${l}>${l}</option>`)}</select></div></div>
    ${error ? html`<div style="padding:14px"><${Problem} error=${error}/></div>` : ""}
    ${rows && !rows.length ? html`<div class="empty"><h1>${query.text || query.fn || query.level ? "No line fits" : "Nothing was printed yet"}</h1><div class="sub">${query.text || query.fn || query.level ? "Esc shows all lines." : "What functions print appears here, the newest first."}</div></div>` : ""}
    <div class="rows" ref=${ref} tabindex="0" role="region" aria-label="Lines, the newest first"><div style="height:${(rows?.length || 0) * HEIGHT}px"><div style="transform:translateY(${a * HEIGHT}px)">${(rows || []).slice(a, b).map((r) => html`<button class="vlog ${bad(r) ? "e" : ""}" key=${r.id} style="height:${HEIGHT}px" title=${r.text.slice(0, 500)} onClick=${() => r.request && go(link("invocations", { id: r.request }))}><span class="faint">${clock(r.at, 12)}</span><span class="dim ell hidesmall">${r.function}</span><code class="ell">${r.level ? html`<span class="lvl ${r.level}">${r.level}</span> ` : ""}${r.text.split("\n")[0].slice(0, 500)}</code></button>`)}</div></div></div></div>`;
}
