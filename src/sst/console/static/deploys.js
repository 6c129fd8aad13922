import { html, useEffect, useLayoutEffect, useMemo, useState } from "./preact.js";
import { Change, Command, SIGN } from "./changes.js";
import { clock, day, Dialog, go, link, many, ms, Problem, typing, useApi, Waiting } from "./lib.js";

function title(d) {
  const words = Object.entries(d.counts).filter(([op, n]) => n && op !== "same").map(([op, n]) => `${n} ${{ create: "created", update: "updated", delete: "deleted", replace: "replaced", adopt: "adopted", read: "read" }[op] || op}`);
  return `${words.join(", ") || "No changes"}${d.failed ? `, ${d.failed} failed` : ""} in ${d.seconds.toFixed(1)} s`;
}
const shown = (side) => side === undefined ? "(none)" : typeof side === "string" ? side : JSON.stringify(side);
function Compare({ serial, close }) {
  const { data: rows, error } = useApi(`compare/${serial}`);
  return html`<${Dialog} title="Changed since version ${serial}" close=${close}>${error ? html`<${Problem} error=${error}/>` : rows ? html`<div class="card" style="max-height:420px;overflow:auto" tabindex="0" role="region" aria-label="Differences">${rows.map((r) => html`<div class="kv"><span class="row" style="min-width:0"><span class="op ${r.op}">${SIGN[r.op]}</span><span class="ell">${r.name}</span></span><span class="faint ell">${r.type}</span></div>${Object.entries(r.changes || {}).map(([name, v]) => html`<div class="kv" style="padding-left:34px"><span class="dim">${name}</span><span class="mono ell" title="${shown(v.old)} → ${shown(v.new)}"><span class="bad">${shown(v.old)}</span> → <span class="ok">${shown(v.new)}</span></span></div>`)}`)}${rows.length ? "" : html`<div class="kv faint">The state is the same now.</div>`}</div>` : html`<${Waiting}/>`}<${Command} text="sst state diff ${serial}"/><//>`;
}
// Who deploys now, also from elsewhere, or what a command that was cut off has left
function UnderWay() {
  const { data: d, reload } = useApi("under-way", ["serial", "job"]);
  useEffect(() => { const timer = setInterval(() => document.hidden || reload(), 2000); return () => clearInterval(timer); }, []);
  if (!d || !d.command && !d.steps.length) return "";
  const who = d.command ? html`<b>sst ${d.command}</b> by ${d.user} on ${d.host}${d.ci ? html` (<code>${d.ci}</code>)` : ""} ` : "";
  return html`<div class="note ${d.runs ? "" : "bad"}" role="status" style="margin:10px 14px">${d.runs ? html`${who}runs since ${clock(d.since)}.` : html`${d.command ? html`${who}was cut off; it began ${day(d.since)} ${clock(d.since)}. ` : html`<b>A command was cut off.</b> `}${d.steps.length ? "The next deploy finds out what became of:" : "The next command goes on from there."}`}
    ${d.steps.slice(0, 12).map((s) => html`<div class="row" style="min-width:0"><span class="op ${s.op}">${SIGN[s.op] || "·"}</span><span class="ell">${s.name}</span></div>`)}${d.steps.length > 12 ? html`<div class="faint">and ${d.steps.length - 12} more</div>` : ""}</div>`;
}
function One({ serial, app, latest }) {
  const [box, setBox] = useState(false), [other, setOther] = useState(false), since = latest ? "" : html`<button onClick=${() => setOther(true)}>What changed since</button>${other ? html`<${Compare} serial=${serial} close=${() => setOther(false)}/>` : ""}`, back = app.writes && !latest ? html`<button onClick=${() => setBox(true)}>Roll back to this</button>${box ? html`<${Change} title="Roll back" verb="plan-rollback" body=${{ to: Number(serial) }} close=${() => setBox(false)}/>` : ""}` : "";
  const { data: d, error } = useApi(`deploys/${serial}`);
  const steps = useMemo(() => d?.recorded ? d.steps.filter((s) => s.start !== undefined && s.op !== "same").sort((a, b) => a.start - b.start) : [], [d]);
  if (!d) return html`<div class="detail">${error ? html`<${Problem} error=${error}/>` : html`<${Waiting}/>`}</div>`;
  if (!d.recorded) return html`<div class="detail"><div class="note"><b>Nothing is recorded of version ${serial}</b><div class="dim">It was saved by a command that deploys nothing, or by an older version of sst.</div></div><div class="row" style="margin-top:10px">${since}${back}</div></div>`;
  const end = Math.max(0.001, ...steps.map((s) => s.end || s.start)), work = steps.reduce((a, s) => a + ((s.end || s.start) - s.start), 0), calls = Object.values(d.calls).reduce((a, b) => a + b, 0);
  const critical = d.critical.map((k) => steps.find((s) => s.key === k)).filter(Boolean), on = new Set(d.critical), x = (t) => `${(t / end * 100).toFixed(2)}%`;
  return html`<div class="detail" tabindex="0" role="region" aria-label="Deploy"><div class="row" style="align-items:flex-start"><h1 class="grow">${title(d)}</h1>${since}${back}</div><div class="sub">${many(calls, "call")} · ${work.toFixed(1)} s of work, ${(work / end).toFixed(1)} at once on average${d.user ? ` · by ${d.user} on ${d.host}` : ""}${d.commit ? html` · <code>${d.commit.slice(0, 8)}</code>${d.branch ? ` of ${d.branch}` : ""}${d.dirty ? ", with changes" : ""}` : ""}${d.ci ? html` · <code>${d.ci}</code>` : ""}</div>
    ${critical.length ? html`<section class="sect" aria-label="Critical path"><h2>Critical path <span class="faint" style="font-weight:400">what its length depends on</span></h2><div class="crit">${critical.map((s, i) => html`${i ? html`<span class="faint">→</span>` : ""}<span class="chip">${s.name} <b class="warn">${ms((s.end - s.start) * 1000)}</b></span>`)}</div></section>` : ""}
    <section class="sect" aria-label="Steps"><h2>Steps</h2>${steps.length ? html`<div class="card wf"><div class="axis" aria-hidden="true"><span></span><div>${[0, 0.25, 0.5, 0.75, 1].map((q) => html`<span>${q ? ms(end * q * 1000) : 0}</span>`)}</div><span></span></div><div role="list">${steps.slice(0, 2000).map((s) => html`<div class="wr" role="listitem" style="height:24px"><div class="lab" title="${s.type} ${(s.notes || []).join(", ")}"><span class="op ${s.op}">${SIGN[s.op] || "·"}</span><span class=${s.error ? "bad" : on.has(s.key) ? "" : "dim"} style=${on.has(s.key) ? "font-weight:600" : ""}>${s.name}</span>${s.notes ? html`<span class="faint">${s.notes.at(-1)}</span>` : ""}</div><div class="track" style="height:24px"><div class="b" style="top:7px;left:${x(s.start)};width:${Math.max(0.3, ((s.end || end) - s.start) / end * 100)}%;background:${s.error ? "var(--bad)" : on.has(s.key) ? "var(--warn)" : s.type === "local.Build" ? "var(--cold)" : "var(--bar)"}"></div></div><span class="r faint">${s.end === undefined ? "cut off" : ms((s.end - s.start) * 1000)}</span></div>${s.error ? html`<div class="note bad" style="margin:4px 14px"><b>${s.error.message}</b> <code>${s.where}</code></div>` : ""}`)}</div></div>` : html`<div class="card kv faint">Nothing had to be done.</div>`}</section>
    <section class="sect" aria-label="Calls"><h2>Calls to the cloud</h2><div class="row" style="flex-wrap:wrap">${Object.entries(d.calls).sort((a, b) => b[1] - a[1]).map(([k, n]) => html`<span class="chip">${k} ${n}</span>`)}</div></section>
    <section class="sect" aria-label="As commands"><h2>As commands</h2><div class="card"><div class="kv"><span class="dim">what changed since</span><code>sst state diff ${d.serial}</code></div><div class="kv"><span class="dim">back to this version</span><code>sst rollback ${d.serial}</code></div></div></section></div>`;
}
export function Deploys({ query, app }) {
  const { data: list, error } = useApi("deploys", ["serial"]), chosen = query.n || (list && list[0] && String(list[0].serial));
  useLayoutEffect(() => {
    const keys = (e) => {
      if (typing(e) || !list || !["j", "k", "ArrowDown", "ArrowUp"].includes(e.key) || document.querySelector(".box")) return;
      const at = list.findIndex((d) => String(d.serial) === chosen), to = list[at + (e.key === "j" || e.key === "ArrowDown" ? 1 : -1)];
      if (to) { go(link("deploys", { n: to.serial })); e.preventDefault(); }
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  if (!list) return error ? html`<div class="page"><${Problem} error=${error}/></div>` : html`<${Waiting}/>`;
  if (!list.length) return html`<${UnderWay}/><div class="empty"><h1>Nothing was deployed yet</h1><div class="sub"><code>sst deploy</code> makes the first version.</div></div>`;
  return html`<div class="split" style="grid-template-columns:320px minmax(0,1fr)"><div class="list"><${UnderWay}/><div class="rows" role="listbox" aria-label="Deploys" tabindex="0" aria-activedescendant=${`deploy-${chosen}`}>${list.map((v) => html`<div id=${`deploy-${v.serial}`} class="inv" role="option" style="grid-template-columns:10px minmax(0,1fr) auto" aria-selected=${String(v.serial) === chosen} onClick=${() => go(link("deploys", { n: v.serial }))}><span class="dot ${v.damage || v.deploy?.failed ? "bad" : ""}"></span><div style="min-width:0"><div class="t">${v.command} <span class="faint" style="font-weight:400">version ${v.serial}</span></div><div class="f">${v.damage || `${day(v.time)} ${clock(v.time)}${v.deploy?.user ? ` · ${v.deploy.user}` : ""}${v.deploy?.commit ? ` · ${v.deploy.commit.slice(0, 8)}` : ""}`}</div></div><div class="r"><div>${v.deploy ? `${v.deploy.seconds.toFixed(1)} s` : ""}</div><div class="faint">${v.resources}</div></div></div>`)}</div></div>${chosen ? html`<${One} serial=${chosen} app=${app} latest=${chosen === String(list[0].serial)} key=${chosen}/>` : ""}</div>`;
}
