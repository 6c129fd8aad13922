// What a bucket, a table or a queue holds. The server says which columns, fields and actions there are.
import { html, useEffect, useLayoutEffect, useRef, useState } from "./preact.js";
import { api, clock, copy, day, Dialog, go, Icon, Json, link, Problem, typing, useApi, Waiting } from "./lib.js";

const size = (n) => n >= 1048576 ? `${(n / 1048576).toFixed(1)} MB` : n >= 1024 ? `${(n / 1024).toFixed(1)} KB` : `${n} B`;
const SHOW = { time: (v) => `${day(v)} ${clock(v)}`, size, number: (v) => v.toLocaleString("en") };
const cell = (kind, v) => v == null ? "" : SHOW[kind] ? SHOW[kind](v) : String(v);
const base64 = (file) => new Promise((done) => { const r = new FileReader(); r.onload = () => done(r.result.split(",")[1] || ""); r.readAsDataURL(file); });

function Input({ f, value, set }) {
  if (f.kind === "choice") return html`<select aria-label=${f.label} value=${value} onChange=${(e) => set(e.target.value)}>${f.choices.map((c) => html`<option value=${c}>${c || "the table"}</option>`)}</select>`;
  if (["json", "long", "sql"].includes(f.kind)) return html`<textarea class=${f.kind} aria-label=${f.label} spellcheck=${false} value=${value} onInput=${(e) => set(e.target.value)} onKeyDown=${(e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) e.target.form?.requestSubmit(); }}></textarea>`;
  if (f.kind === "file") return html`<input type="file" aria-label=${f.label} onChange=${async (e) => { const file = e.target.files[0]; if (file) set(await base64(file), file); }}/>`;
  return html`<input aria-label=${f.label} value=${value} onInput=${(e) => set(e.target.value)}/>`;
}
function Act({ name, id, action: a, old, start, close, done }) {
  const [values, set] = useState(() => ({ ...Object.fromEntries(a.fields.map((f) => [f.name, f.value])), ...start })), [state, tell] = useState({});
  const bad = a.fields.map((f) => { if (f.kind !== "json") return ""; try { JSON.parse(values[f.name]); return ""; } catch (e) { return e.message; } }).find(Boolean) || "";
  const put = (f) => (v, file) => set((now) => ({ ...now, [f.name]: v, ...(file && !now.key?.replace(/.*\//, "") && "key" in now ? { key: (now.key || "") + file.name } : {}) }));
  const run = () => { tell({ busy: true }); api("do/change", { name, id, verb: a.verb, values: { ...values, ...(old ? { old } : {}) }, sure: true }).then((answer) => { tell({ answer }); done(a); }, (error) => tell({ error })); };
  useEffect(() => { if (!a.fields.length && !a.loses) run(); }, []);
  const over = state.answer !== undefined;
  return html`<${Dialog} title=${`${a.label}${id ? `: ${id.slice(0, 80)}` : ""}`} close=${close} footer=${html`<span class="grow ${bad ? "bad" : "ok"}">${bad || (over ? "Done." : "")}</span>${over ? html`<button onClick=${close}>Close</button>` : html`<button class=${a.loses ? "danger" : "primary"} disabled=${!!bad || state.busy} onClick=${run}>${state.busy ? "Working…" : a.label}</button>`}`}>
    ${a.loses && !over ? html`<p class="bad" style="margin-top:0">${a.loses}</p>` : ""}${over ? "" : a.fields.map((f) => html`<label class="field"><span class="dim">${f.label}</span><${Input} f=${f} value=${values[f.name]} set=${put(f)}/></label>`)}
    ${state.error ? html`<${Problem} error=${state.error}/>` : ""}${over ? html`<div class="card"><${Json} value=${JSON.stringify(state.answer.done)} label="Answer"/></div>` : ""}
    ${a.command ? html`<div class="row cmd"><code class="grow ell">sst shell -- ${a.command}</code><button onClick=${() => copy(`sst shell -- ${a.command}`)}>Copy</button></div>` : ""}<//>`;
}
function Thing({ name, id, changed }) {
  const { data: i, error, reload } = useApi(`item/${encodeURIComponent(name)}?id=${encodeURIComponent(id)}`), [act, setAct] = useState(null);
  if (!i) return html`<div class="detail">${error ? html`<${Problem} error=${error}/>` : html`<${Waiting}/>`}</div>`;
  return html`<div class="detail" role="region" aria-label="Item" tabindex="-1"><div class="row" style="align-items:flex-start;flex-wrap:wrap"><h1 class="grow" style="overflow-wrap:anywhere;min-width:200px">${i.title}</h1>${i.actions.map((a) => html`<button onClick=${() => setAct(a)}>${a.label}</button>`)}</div>
    <div class="card" style="margin-top:12px">${Object.entries(i.facts).map(([k, v]) => html`<div class="kv"><span class="dim">${k}</span><code>${String(v)}</code></div>`)}</div>
    <section class="sect" aria-label="Content"><div class="card">${i.form === "image" ? html`<div style="padding:14px"><img alt=${i.title} style="max-width:100%;display:block" src=${`data:${i.media};base64,${i.body}`}/></div>` : i.form === "json" ? html`<${Json} value=${i.body} label="Content"/>` : html`<pre tabindex="0" aria-label="Content" style="white-space:pre-wrap;overflow-wrap:anywhere">${i.form === "bytes" ? i.body.replace(/(.{76})/g, "$1\n") : i.body || "It is empty."}</pre>`}</div>${i.form === "bytes" ? html`<div class="faint" style="margin-top:6px">Bytes, as base64; the first 2 KB.</div>` : ""}</section>
    ${act ? html`<${Act} name=${name} id=${id} action=${act} old=${act.checked ? i.body : ""} close=${() => setAct(null)} done=${(a) => { changed(); if (a.verb === "delete") { setAct(null); go(link("data", { name })); } else if (!a.reads) reload(); }}/>` : ""}</div>`;
}
// A row without an item of its own, of a database: each column on a line of its own
function One({ d, r, n, count, go, close }) {
  const shown = (c, v) => v == null ? html`<span class="faint">null</span>` : typeof v === "string" && (v.length > 60 || /^\s*[[{]/.test(v)) ? html`<div class="card"><${Json} value=${v} label=${c.name}/></div>` : html`<code>${v === "" ? "\u00a0" : cell(c.kind, v)}</code>`;
  return html`<div class="detail" role="region" aria-label="Row"><div class="row"><h1 class="grow">Row ${n.toLocaleString("en")}</h1><button disabled=${n < 2} onClick=${() => go(n - 1)}>Previous</button><button disabled=${n >= count} onClick=${() => go(n + 1)}>Next</button><button onClick=${close}>Close <kbd>esc</kbd></button></div>
    <dl class="values">${d.columns.map((c, i) => html`<dt>${c.name}</dt><dd>${shown(c, r.cells[i])}${typeof r.cells[i] === "string" && r.cells[i].length === 2001 && r.cells[i].endsWith("…") ? html`<div class="faint">The first 2,000 characters.</div>` : ""}</dd>`)}</dl></div>`;
}
export function Data({ query, app }) {
  const { data: parts, error: none } = useApi("browse", ["serial"]), name = query.name || parts?.[0]?.name || "";
  const { name: _, id, row, ...asked } = query, path = name && `browse/${encodeURIComponent(name)}?${new URLSearchParams(asked)}`;
  const { data: d, error, reload } = useApi(path, query.sql ? [] : ["calls", "ended"]), [more, setMore] = useState({ path: "", rows: [], next: "" }), [act, setAct] = useState(null), [fill, setFill] = useState({}), [over, setOver] = useState(false), ref = useRef(), last = useRef({});
  if (d) last.current = { name, d };
  const head = d || (last.current.name === name ? last.current.d : null);     // a query that fails can be mended
  useEffect(() => { setMore({ path: "", rows: [], next: "" }); }, [path, d]);
  useEffect(() => { setFill({}); }, [name]);
  const rows = d ? [...d.rows, ...(more.path === path ? more.rows : [])] : [], next = more.path === path && more.path ? more.next : d?.next, value = (f) => fill[f.name] ?? query[f.name] ?? f.value;
  const to = (q) => go(link("data", { name, ...q })), open = (r) => to(r.folder ? { folder: r.id } : r.id ? { ...asked, id: r.id } : { ...asked, row: rows.indexOf(r) + 1 }), one = row && rows[row - 1];
  const search = () => to({ ...(query.folder ? { folder: query.folder } : {}), ...Object.fromEntries(head.fields.map((f) => [f.name, value(f)]).filter(([, v]) => v)) });
  const load = () => api(`${path}&after=${encodeURIComponent(next)}`).then((m) => setMore({ path, rows: [...(more.path === path ? more.rows : []), ...m.rows], next: m.next }));
  useLayoutEffect(() => {
    const keys = (e) => {
      if (typing(e) || document.querySelector(".box") || e.ctrlKey || e.metaKey) return;
      if (e.key === "/") document.querySelector(".filter input")?.focus();
      else if (e.key === "Escape") to(id || row ? asked : {});
      else if (["j", "k", "ArrowDown", "ArrowUp"].includes(e.key)) { const all = [...document.querySelectorAll("tbody button.plain")], at = all.indexOf(document.activeElement); all[Math.max(0, Math.min(all.length - 1, at + (e.key === "j" || e.key === "ArrowDown" ? 1 : -1)))]?.focus(); }
      else return;
      e.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  if (none) return html`<div class="page"><${Problem} error=${none}/></div>`;
  if (!parts) return html`<${Waiting}/>`;
  if (!parts.length) return html`<div class="empty"><h1>Nothing here holds data</h1><div class="sub">Buckets, tables, queues, topics, buses, mails, schedules and databases of the app appear here once they are deployed.</div></div>`;
  const upload = d?.actions.find((a) => a.fields.some((f) => f.kind === "file"));
  const drop = async (e) => { e.preventDefault(); setOver(false); const file = e.dataTransfer.files[0]; if (file && upload) setAct({ ...upload, start: { key: (query.folder || "") + file.name, content: await base64(file), type: file.type } }); };
  return html`<div class="split" style="grid-template-columns:${id || one ? "minmax(0,1fr) minmax(0,1fr)" : "minmax(0,1fr)"}" onDragOver=${(e) => { if (upload) { e.preventDefault(); setOver(true); } }} onDragLeave=${() => setOver(false)} onDrop=${drop}><div class="list ${over ? "over-drop" : ""}" style="border-right:${id || one ? "" : 0}"><div class="filter"><div class="row" style="flex-wrap:wrap">${head ? html`<${Icon} kind=${head.kind}/>` : ""}<h1 class="grow" style="font-size:17px">${head?.title || name}</h1>${head?.actions.map((a) => html`<button onClick=${() => setAct(a)}>${a.label}</button>`)}<button onClick=${reload}>Look again</button></div>
      ${head ? html`<div class="row" style="flex-wrap:wrap;gap:6px">${Object.entries(head.facts).map(([k, v]) => html`<span class="chip ell" title=${String(v)}>${k} <b>${String(v)}</b></span>`)}</div>` : ""}
      ${query.folder ? html`<div class="row path"><button class="plain" onClick=${() => to({})}>${d?.title || name}</button>${query.folder.split("/").slice(0, -1).map((p, n, all) => html`<span class="faint">/</span><button class="plain" onClick=${() => to({ folder: `${all.slice(0, n + 1).join("/")}/` })}>${p}</button>`)}</div>` : ""}
      ${head?.fields.length ? html`<form class="row" style="flex-wrap:wrap" onSubmit=${(e) => { e.preventDefault(); search(); }}>${head.fields.map((f) => html`<label class="row ${f.kind === "sql" ? "wide" : ""}"><span class="faint">${f.label}</span><${Input} f=${f} value=${value(f)} set=${(v) => setFill((now) => ({ ...now, [f.name]: v }))}/></label>`)}<button type="submit">${head.fields.some((f) => f.kind === "sql") ? html`Run <kbd>ctrl enter</kbd>` : "Search"}</button></form>` : ""}</div>
    ${error ? html`<div style="padding:14px"><${Problem} error=${error}/></div>` : ""}
    ${d ? html`<div class="rows" ref=${ref} tabindex="0" role="region" aria-label="Rows">${d.note ? html`<div class="faint" style="padding:8px 14px">${d.note}</div>` : ""}${rows.length ? html`<table aria-label=${d.title}><thead><tr>${d.columns.map((c) => html`<th class=${c.kind === "size" || c.kind === "number" ? "r" : ""}>${c.name}</th>`)}</tr></thead><tbody>${rows.map((r) => html`<tr class="go" aria-selected=${r === one || (r.id && r.id === id) ? "true" : null} onClick=${() => open(r)}>${d.columns.map((c, n) => html`<td class="${c.kind === "size" || c.kind === "number" ? "r" : ""} ${n ? "dim" : ""} cell">${n === 0 ? html`<button class="plain ell" onClick=${(e) => { e.stopPropagation(); open(r); }}>${r.folder ? "▸ " : ""}${cell(c.kind, r.cells[n]) || "–"}</button>` : c.kind === "json" ? html`<code class="ell">${cell(c.kind, r.cells[n])}</code>` : cell(c.kind, r.cells[n])}</td>`)}</tr>`)}</tbody></table>` : html`<div class="empty"><h1>Nothing is in it</h1><div class="sub">${upload ? "Drop a file here, or upload one." : app.writes ? "" : app.can_unlock ? "This stage is read-only until you unlock it." : ""}</div></div>`}${next ? html`<div style="padding:12px 14px"><button onClick=${load}>Show more</button></div>` : ""}</div>` : error ? "" : html`<${Waiting}/>${query.sql ? html`<div style="padding:0 24px"><button onClick=${() => api("do/change", { name, verb: "stop" }).catch(() => {})}>Stop</button></div>` : ""}`}</div>
    ${id ? html`<${Thing} name=${name} id=${id} key=${id} changed=${reload}/>` : one ? html`<${One} d=${d} r=${one} n=${Number(row)} count=${rows.length} go=${(at) => to({ ...asked, row: at })} close=${() => to(asked)}/>` : ""}${act ? html`<${Act} name=${name} id="" action=${act} start=${act.start} close=${() => setAct(null)} done=${(a) => a.reads || reload()}/>` : ""}</div>`;
}
