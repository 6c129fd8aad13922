import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./preact.js";
import { ago, api, Bars, clock, color, Dialog, go, Icon, Json, link, live, many, ms, Problem, typing, useApi, useLive, useWindow, Waiting } from "./lib.js";

const HEIGHT = 44, KEPT = 1000;
const failed = (i) => i.failed === 1;
const name = (i) => i.trigger === "invoke" ? `${i.title}, called by hand` : i.trigger;
const state = (i) => i.ms == null ? "runs" : i.error ? "error" : i.status || "ok";

// The rows of a trace: each call below what caused it
function ordered({ invocations, calls }) {
  const rows = [], done = new Set();
  const below = (span, depth, from) => {
    for (const call of calls.filter((c) => c.parent === span)) {
      rows.push({ call, depth });
      const caused = invocations.filter((i) => i.parent === call.span);
      caused.forEach((i, n) => walk(i, depth + 1, { call, attempt: n + 1, of: caused.filter((x) => x.function === i.function).length }));
    }
    invocations.filter((i) => i.parent === span).forEach((i) => walk(i, depth, from));
  };
  const walk = (inv, depth, from) => {
    if (done.has(inv.id)) return;
    done.add(inv.id);
    rows.push({ inv, depth, from });
    below(inv.span, depth + 1, null);
  };
  const spans = new Set([...invocations.map((i) => i.span), ...calls.map((c) => c.span)]);
  for (const call of calls.filter((c) => !spans.has(c.parent))) {
    rows.push({ call, depth: 0 });
    const caused = invocations.filter((i) => i.parent === call.span);
    caused.forEach((i, n) => walk(i, 1, { call, attempt: n + 1, of: caused.filter((x) => x.function === i.function).length }));
  }
  invocations.filter((i) => !spans.has(i.parent)).forEach((i) => walk(i, 0));
  invocations.forEach((i) => walk(i, 0));
  const began = Math.min(...invocations.map((i) => i.began), ...calls.map((c) => c.began));
  const end = Math.max(...invocations.map((i) => i.began + (i.took || i.ms || 0) / 1000), ...calls.map((c) => c.began + c.ms / 1000));
  return { rows, began, end: Math.max(end, began + 0.001) };
}
function Trace({ trace, current }) {
  const { rows, began, end } = useMemo(() => ordered(trace), [trace]);
  const x = (t) => `${((t - began) / (end - began) * 100).toFixed(2)}%`, w = (s) => `${Math.max(0.2, s / (end - began) * 100).toFixed(2)}%`;
  const before = (i) => Math.max(0, (i.took || i.ms || 0) - (i.ms || 0));   // its sandbox started, or it waited for one
  const moves = (e) => { const to = e.key === "ArrowDown" ? "nextElementSibling" : e.key === "ArrowUp" ? "previousElementSibling" : ""; if (to) { let el = e.currentTarget[to]; while (el && !el.matches("[tabindex]")) el = el[to]; if (el) { el.focus(); e.preventDefault(); e.stopPropagation(); } } };
  return html`<div class="card wf"><div class="axis" aria-hidden="true"><span></span><div>${[0, 0.25, 0.5, 0.75, 1].map((q) => html`<span>${q ? ms((end - began) * q * 1000) : 0}</span>`)}</div><span></span></div><div role="list" aria-label="Trace">
    ${rows.slice(0, 600).map(({ inv: i, call: c, depth, from }) => i ? html`<div class="wr ${i.id === current ? "me" : ""}" role="listitem"><a class="lab" href=${link("invocations", { id: i.id })} onKeyDown=${moves} style="padding-left:${depth * 12}px"><${Icon} kind="function"/><span style="font-weight:560" class=${failed(i) ? "bad" : ""}>${i.title}</span>${from?.of > 1 ? html`<span class="faint" style="flex:none">try ${from.attempt} of ${from.of}</span>` : ""}${i.replay_of ? html`<span class="faint" style="flex:none">replay</span>` : ""}</a>
      <div class="track">${from && i.began > from.call.began + from.call.ms / 1000 ? html`<div class="w" title="waited" style="left:${x(from.call.began + from.call.ms / 1000)};width:${w(i.began - from.call.began - from.call.ms / 1000)}"></div>` : ""}${before(i) > 2 ? html`<div class="b" title=${i.cold ? "cold start" : "waited"} style="left:${x(i.began)};width:${w(before(i) / 1000)};background:var(--cold);opacity:.75"></div>` : ""}<div class="b" style="left:${x(i.began + before(i) / 1000)};width:${w((i.ms || 0) / 1000)};background:${failed(i) ? "var(--bad)" : "var(--function)"}"></div></div><span class="r">${ms(i.ms)}</span></div>`
    : html`<div class="wr" role="listitem"><div class="lab" style="padding-left:${depth * 12}px" title="${c.service} ${c.action} ${c.resource}"><${Icon} kind=${c.kind || "other"}/><span class=${c.status >= 400 ? "bad" : "dim"}>${c.action} <span class="faint">${c.part && c.resource !== c.part ? c.resource : c.part || c.resource || c.service}</span>${c.error ? ` ${c.error}` : ""}</span></div><div class="track"><div class="b" style="left:${x(c.began)};width:${w(c.ms / 1000)};background:${c.status >= 400 ? "var(--bad)" : color(c.kind || "other")};opacity:.85;height:6px;top:10px"></div></div><span class="r dim">${ms(c.ms)}</span></div>`)}</div></div>`;
}
function Source({ f }) {
  return html`<div class="src mono" tabindex="0" role="region" aria-label="${f.file} around line ${f.line}">${f.source.map((l, n) => html`<div class=${f.first + n === f.line ? "hit" : ""}><span class="no">${f.first + n}</span><span>${l || " "}</span></div>`)}</div>`;
}
function Failure({ error, root }) {
  return html`<section class="sect" aria-label="Error"><h2>Error</h2>${error.sections.map((s) => {
    const own = s.frames.filter((f) => f.own), other = s.frames.filter((f) => !f.own), main = own.at(-1);
    return html`<div class="card err" style="margin-bottom:10px;margin-left:${s.depth * 16}px">${s.relation ? html`<div class="msg faint" style="font-size:12px">${s.relation === "caused" ? "which caused" : "and, while that was handled"}</div>` : ""}<div class="msg"><b class="bad">${s.type || error.type}</b> ${s.message}</div>
      ${own.map((f) => html`<div style="padding:4px 14px" class="row"><a class="mono" href=${`vscode://file${encodeURI(f.path)}:${f.line}`}>${f.file}:${f.line}</a><span class="dim">in ${f.name}</span>${f.changed ? html`<span class="warn">the file is another now</span>` : ""}</div>${f === main && f.source ? html`<${Source} f=${f}/>` : ""}`)}
      ${other.length ? html`<div style="padding:6px 14px 10px" class="faint">${many(other.length, "library frame")} folded: <code>${other.slice(-3).map((f) => `${f.file}:${f.line}`).join("  ")}</code></div>` : ""}</div>`;
  })}</section>`;
}
function body(i) {
  try {
    const e = JSON.parse(i.event);
    if (typeof e.body !== "string" || !e.body) return null;
    return e.isBase64Encoded ? new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(atob(e.body), (c) => c.charCodeAt(0))) : e.body;
  } catch { return null; }
}
function Replay({ inv, close }) {
  const [text, setText] = useState(() => { try { return JSON.stringify(JSON.parse(inv.event), null, 2); } catch { return inv.event; } });
  const [state, set] = useState({});
  const bad = (() => { try { JSON.parse(text); return ""; } catch (e) { return String(e.message); } })();
  const send = () => { set({ busy: true }); api("do/replay", { id: inv.id, event: text }).then((answer) => set({ answer }), (error) => set({ error })); };
  return html`<${Dialog} title="Edit and replay: ${name(inv)}" close=${close} footer=${html`<span class="grow bad">${bad}</span><button class="primary" disabled=${!!bad || state.busy} onClick=${send}>${state.busy ? "Calling…" : "Call"}</button>`}>
    <textarea aria-label="Event" spellcheck=${false} value=${text} onInput=${(e) => setText(e.target.value)}></textarea>
    ${/\[masked\]|\[secret/.test(text) ? html`<p class="warn">Secrets are not recorded: replace [masked] and [secret …], or use Replay, which sends the event as it was.</p>` : ""}
    ${state.error ? html`<${Problem} error=${state.error}/>` : ""}${state.answer ? html`<div class="two"><div><h2>Before</h2><div class="card"><${Json} value=${inv.response} label="Former answer"/></div></div><div><h2>Now</h2><div class="card"><${Json} value=${JSON.stringify(state.answer.payload)} label="Answer"/></div></div></div>` : ""}<//>`;
}
function SaveTest({ inv, close }) {
  const [made, set] = useState({}), [title, setTitle] = useState("");
  const ask = (write) => api("do/save-test", { id: inv.id, name: title, write }).then((data) => set({ data }), (error) => set({ error }));
  useEffect(() => { const timer = setTimeout(() => ask(false), 150); return () => clearTimeout(timer); }, [title]);
  return html`<${Dialog} title="Save as test" close=${close} footer=${made.data?.written ? html`<span class="grow ok">Written. <code>${made.data.command}</code></span>` : html`<button class="primary" disabled=${!made.data} onClick=${() => ask(true)}>Write the files</button>`}>
    <label>Name<input placeholder=${name(inv)} value=${title} onInput=${(e) => setTitle(e.target.value)}/></label>${made.error ? html`<${Problem} error=${made.error}/>` : ""}
    ${made.data ? Object.entries(made.data.files).map(([file, text]) => html`<h2 style="margin:12px 0 6px"><code>${file}</code></h2><div class="card"><pre tabindex="0" aria-label=${file}>${text}</pre></div>`) : ""}<//>`;
}
function Detail({ id, app, root, pin }) {
  const { data: i, error } = useApi(`invocations/${id}`, ["calls", "ended"]), [box, setBox] = useState(""), [told, tell] = useState(null), ref = useRef();
  const open = (name) => { pin(); setBox(name); };     // what is acted on stays, though newer calls come
  const replay = () => { if (i) { pin(); tell({ text: "Calling…" }); api("do/replay", { id: i.id }).then((a) => tell({ text: a.error ? "It failed again." : "It was called again.", answer: a }), (e) => tell({ error: e })); } };
  useEffect(() => { tell(null); }, [id]);
  useLayoutEffect(() => {
    const keys = (e) => { if (typing(e) || box || e.ctrlKey || e.metaKey || !app.writes) return; if (e.key === "r") replay(); else if (e.key === "e") open("edit"); else if (e.key === "t") open("test"); else return; e.preventDefault(); };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  if (!i) return html`<div class="detail">${error ? html`<${Problem} error=${error}/>` : html`<${Waiting}/>`}</div>`;
  const t = i.trace_of, path = [...new Set(t.invocations.map((x) => x.title))], { began, end } = ordered(t), decoded = body(i);
  return html`<div class="detail" ref=${ref} tabindex="-1" role="region" aria-label="Call">
    <div class="row" style="align-items:flex-start;flex-wrap:wrap"><div class="grow" style="min-width:260px"><h1>${name(i)}</h1><div class="sub">${i.title === i.trigger ? "" : `${i.title} · `}<code>${i.detail}</code> · ${clock(i.began)} · request <code>${i.request.slice(0, 8)}</code>${i.where ? html` · <code>${i.where}</code>` : ""}</div></div>
      ${app.writes ? html`<button onClick=${replay}>Replay <kbd>r</kbd></button><button onClick=${() => open("edit")}>Edit and replay <kbd>e</kbd></button><button onClick=${() => open("test")}>Save as test <kbd>t</kbd></button>` : ""}</div>
    ${told ? told.error ? html`<div class="sect"><${Problem} error=${told.error}/></div>` : html`<div class="sect note" role="status">${told.text}</div>` : ""}
    <div class="row" style="margin-top:12px;flex-wrap:wrap">${i.ms == null ? html`<span class="chip">running</span>` : i.error ? html`<span class="chip bad">failed</span>` : i.status ? html`<span class="chip ${i.status >= 500 ? "bad" : ""}">${i.status}</span>` : html`<span class="chip">done</span>`}<span class="chip">${ms(i.ms)}</span>${i.cold ? html`<span class="chip cold">cold start, init ${ms(i.init_ms)}</span>` : ""}${i.memory ? html`<span class="chip">${i.memory} of ${i.memory_limit} MB</span>` : ""}<span class="chip">${i.runtime}</span>${i.replay_of ? html`<a class="chip" href=${link("invocations", { id: i.replay_of })}>replay of ${i.replay_of.slice(0, 8)}</a>` : ""}</div>
    ${i.failure ? html`<${Failure} error=${i.failure} root=${root}/>` : ""}
    <section class="sect" aria-label="Trace of the request"><h2>Trace <span class="faint" style="font-weight:400">${many(t.invocations.length, "function call")}, ${many(t.calls.length, "AWS call")}, ${ms((end - began) * 1000)} from end to end${path.length > 1 ? `: ${path.join(" → ")}` : ""}</span></h2><${Trace} trace=${t} current=${i.id}/></section>
    <section class="sect" aria-label="Log"><h2>Log <span class="faint" style="font-weight:400">${many(i.lines.length, "line")}</span></h2><div class="card" style="padding:8px 0;max-height:420px;overflow:auto" tabindex="0" role="region" aria-label="Lines">${i.lines.length ? i.lines.slice(0, 2000).map((l) => html`<div class="log"><span class="at">+${ms(Math.max(0, (l.at - i.began) * 1000))}</span><code class=${/ERROR|CRITICAL|FATAL/.test(l.level) || /^\[ERROR\]/.test(l.text) ? "bad" : l.level.startsWith("WARN") ? "warn" : ""}>${/^\[ERROR\]/.test(l.text) ? l.text.split("\n")[0] : l.text}</code></div>`) : html`<div class="log"><span></span><span class="faint">It printed nothing.</span></div>`}</div></section>
    <div class="sect two"><section aria-label="Request"><h2 style="margin-bottom:8px">Request ${i.event.length >= 65536 ? html`<span class="faint" style="font-weight:400">the first 64 KB of ${many(i.event_size, "byte")}</span>` : ""}</h2><div class="card"><${Json} value=${i.event} label="Event"/></div>${decoded ? html`<h2 style="margin:12px 0 8px">Body</h2><div class="card"><${Json} value=${decoded} label="Body"/></div>` : ""}</section>
      <section aria-label="Response"><h2 style="margin-bottom:8px">Response</h2><div class="card">${i.ms == null ? html`<pre class="faint">It still runs.</pre>` : i.error ? html`<pre class="faint">None: the handler raised.</pre>` : html`<${Json} value=${i.response} label="Response"/>`}</div></section></div>
    ${box === "edit" ? html`<${Replay} inv=${i} close=${() => setBox("")}/>` : box === "test" ? html`<${SaveTest} inv=${i} close=${() => setBox("")}/>` : ""}</div>`;
}
// Alone, so that scrolling draws no call's details anew
function Rows({ rows, chosen, choose, older, box }) {
  const [a, b] = useWindow(box, rows.length, HEIGHT), max = useMemo(() => Math.max(1, ...rows.slice(0, 500).map((r) => r.ms || 0)), [rows]);
  useEffect(() => { if (b > rows.length - 40) older(); }, [b, rows.length]);
  return html`<div class="rows" ref=${box} role="listbox" aria-label="Calls" tabindex="0" aria-activedescendant=${rows.slice(a, b).includes(chosen) ? `call-${chosen.id}` : null}><div style="height:${rows.length * HEIGHT}px;position:relative" role="presentation"><div style="transform:translateY(${a * HEIGHT}px)" role="presentation">${rows.slice(a, b).map((i) => html`<div key=${i.id} id=${`call-${i.id}`} class="inv" role="option" aria-selected=${i === chosen} onClick=${() => choose(i)}><span class="dot ${failed(i) ? "bad" : i.ms == null ? "idle" : ""}"></span><span class="faint">${clock(i.began)}</span><div style="min-width:0"><div class="t">${name(i)}</div><div class="f">${i.error ? html`<span class="bad">${i.error}</span>` : i.detail || i.title}${i.replay_of ? " · replay" : ""}</div></div><div><div class="r">${ms(i.ms)}</div><div class="dur" style="width:${Math.max(2, Math.sqrt((i.ms || 0) / max) * 60)}px;${i.cold ? "background:var(--cold)" : ""}"></div></div><span class="r ${failed(i) ? "bad" : i.status >= 400 ? "warn" : "faint"}">${state(i)}</span></div>`)}</div></div></div>`;
}
const has = (text, word) => text.split(/\s+/).includes(word);
const toggled = (text, word) => has(text, word) ? text.split(/\s+/).filter((w) => w !== word).join(" ") : `${text} ${word}`.trim();

export function Invocations({ query, app }) {
  const [text, setText] = useState(query.filter || ""), [rows, setRows] = useState([]), [facts, setFacts] = useState(null), [error, setError] = useState(null), [fresh, setFresh] = useState(0);
  const ref = useRef(), rowsNow = useRef([]), busy = useRef(false), { news } = useLive(), [paused, pause] = useState(false);
  useEffect(() => { setText(query.filter || ""); }, [query.filter]);
  const path = (more = "") => `invocations?filter=${encodeURIComponent(query.filter || "")}${more}`;
  const keep = (list) => { rowsNow.current = list; setRows(list); };
  useEffect(() => { let over = false; setFacts(null); setFresh(0); api(path()).then((d) => { if (!over) { keep(d.rows); setFacts(d); setError(null); } }, (e) => over || setError(e)); return () => { over = true; }; }, [query.filter]);
  useEffect(() => {
    if (!facts || paused) return;
    let over = false;
    api(path()).then((d) => {
      if (over) return;
      setFacts(d);
      const newest = rowsNow.current[0]?.id || 0, added = d.rows.filter((r) => r.id > newest), known = new Map(d.rows.map((r) => [r.id, r]));
      if ((d.rows[0]?.id || 0) < newest) { keep(d.rows); setFresh(0); return; }     // the records begin anew
      const former = rowsNow.current.map((r) => known.get(r.id) || r);
      if (added.length && (ref.current?.scrollTop || 0) > 4) { setFresh(added.length); keep(former); } else { setFresh(0); keep([...added, ...former].slice(0, KEPT)); }     // older ones are read again when they are scrolled to
    }, (e) => over || setError(e));
    return () => { over = true; };
  }, [news.calls, news.ended, paused]);
  const older = () => {
    const last = rowsNow.current.at(-1);
    if (busy.current || !last || (facts?.counted !== false && rowsNow.current.length >= (facts?.count || 0))) return;
    busy.current = true;
    api(path(`&before=${last.id}&limit=500`)).then((d) => keep([...rowsNow.current, ...d.rows])).finally(() => { busy.current = false; });
  };
  const top = () => { ref.current.scrollTop = 0; api(path()).then((d) => { keep(d.rows); setFacts(d); setFresh(0); }); };
  const chosen = query.id ? rows.find((r) => String(r.id) === query.id) : rows[0], id = query.id || (rows[0] && String(rows[0].id));
  const choose = (r) => r && history.replaceState(null, "", link("invocations", { filter: query.filter, id: r.id })) === undefined && dispatchEvent(new Event("hashchange"));
  useEffect(() => { const at = rows.indexOf(chosen) * HEIGHT, el = ref.current; if (el && chosen && query.id && (at < el.scrollTop || at > el.scrollTop + el.clientHeight - HEIGHT)) el.scrollTop = at - el.clientHeight / 2; }, [id]);
  useLayoutEffect(() => {
    const keys = (e) => {
      if (typing(e) || document.querySelector(".box") || e.ctrlKey || e.metaKey) return;
      const at = rows.indexOf(chosen);
      if (e.key === "j" || e.key === "ArrowDown") choose(rows[Math.min(rows.length - 1, at + 1)]);
      else if (e.key === "k" || e.key === "ArrowUp") choose(rows[Math.max(0, at - 1)]);
      else if (e.key === "/") document.querySelector(".filter input").focus();
      else if (e.key === "Escape") go(link("invocations"));
      else if (e.key === " " && e.target === document.body) pause((p) => !p);
      else return;
      e.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  const filter = (f) => go(link("invocations", { filter: f }));
  if (!app.local) return html`<div class="empty"><h1>Calls are recorded on stage local</h1><div class="sub">On this stage, <code>sst logs NAME --stage ${app.stage}</code> shows what a function printed.</div></div>`;
  return html`<div class="split"><div class="list"><div class="filter"><input aria-label="Filter calls" placeholder="Filter: text, fn:Badge, failed, cold, >500ms, status:4xx" value=${text} onInput=${(e) => setText(e.target.value)} onKeyDown=${(e) => { if (e.key === "Enter") filter(text); if (e.key === "Escape") { filter(""); e.target.blur(); } }} onBlur=${() => text !== (query.filter || "") && filter(text)}/>
    <div class="row" style="flex-wrap:wrap;gap:6px">${["failed", "cold", ">500ms"].map((w) => html`<button class="chip ${has(text, w) ? "on" : ""}" aria-pressed=${has(text, w)} onClick=${() => filter(toggled(text, w))}>${w}</button>`)}<button class="chip ${paused ? "on" : ""}" aria-pressed=${paused} onClick=${() => pause(!paused)}>${paused ? "paused" : "pause"}</button><span class="faint grow r">${facts ? `${facts.count.toLocaleString("en")}${facts.counted ? "" : "+"} of ${facts.total.toLocaleString("en")}` : ""}</span></div></div>
    <div style="position:relative;flex:1;min-height:0;display:flex">${fresh ? html`<button class="pill" onClick=${top}>${fresh} new</button>` : ""}<${Rows} rows=${rows} chosen=${chosen} choose=${choose} older=${older} box=${ref}/></div></div>
    ${error ? html`<div class="detail"><${Problem} error=${error}/></div>` : id ? html`<${Detail} id=${id} app=${app} root=${app.root} pin=${() => query.id || choose(chosen)} key=${id}/>` : facts ? html`<div class="detail"><h1>${facts.total ? "Nothing fits this filter" : "Nothing was called yet"}</h1><div class="sub">${facts.total ? html`${many(facts.total, "call")} kept. Esc clears the filter.` : "Call a function, and it appears here with its whole trace."}</div></div>` : html`<${Waiting}/>`}</div>`;
}
