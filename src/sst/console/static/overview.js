import { html, useEffect, useState } from "./preact.js";
import { SIGN } from "./changes.js";
import { ago, api, Bars, clock, Dot, go, Icon, link, many, ms, Problem, useApi, useLive, Waiting } from "./lib.js";


function Headline({ d }) {
  const f = d.failing;
  if (f) {
    return html`<h1><a class="bad" style="text-decoration:underline;text-underline-offset:4px;text-decoration-thickness:1px" href=${link("invocations", { filter: `failed fn:"${f.function}"` })}>${f.function}</a> failed for ${f.failed} of ${many(f.events, "event")}</h1>
      <div style="margin:5px 0 3px"><a href=${link("invocations", { id: f.id })}><code><span class="bad">${f.type}</span>${f.place ? ` at ${f.place}` : ""}</code></a> <span class="faint">last ${ago(f.at)}${f.tries > 1 ? `, after ${f.tries} tries` : ""}</span></div>`;
  }
  return html`<h1>${d.total.calls ? "Every call succeeded" : d.resources ? "Nothing was called yet" : "Nothing is deployed"}</h1>`;
}
function Tile({ label, value, note, plot, bad, fill }) {
  return html`<div class="card tile"><div class="l"><span>${label}</span><span class="faint">${note}</span></div><b>${value}</b><div style="margin-top:8px"><${Bars} values=${plot} bad=${bad} w=${262} h=${30} fill=${fill} label=${`${label} over time`}/></div></div>`;
}
function Row({ p }) {
  const state = p.errors ? "bad" : p.calls || p.uses ? "ok" : "idle";
  const open = () => go(p.kind === "function" ? link("invocations", { filter: `fn:"${p.name}"` }) : link("graph", { sel: p.name }));
  return html`<tr class="go" onClick=${open}><td><div class="nm"><${Dot} state=${state}/><${Icon} kind=${p.kind}/><div style="min-width:0"><button class="plain ell" title=${p.name} onClick=${(e) => { e.stopPropagation(); open(); }}><b>${p.title}</b></button><span class="ell ${p.kind === "function" ? "mono" : ""}" style="font-size:11px">${p.detail || p.kind}</span></div></div></td>
    <td><div class="row">${p.kind === "function" && p.calls ? html`<${Bars} values=${p.plot} bad=${p.bad} w=${64} h=${18}/>` : html`<span style="width:64px"></span>`}<span>${p.calls || (p.uses ? html`<span class="dim">${many(p.uses, "use")}</span>` : html`<span class="faint">–</span>`)}</span></div></td>
    <td class="r ${p.errors ? "bad" : "faint"}">${p.errors || "–"}</td><td class="r ${p.calls ? "" : "faint"}">${ms(p.p50)}</td><td class="r ${p.calls ? "" : "faint"}">${ms(p.p95)}</td><td class="wide ell"><code class="dim" title=${p.where}>${p.where}</code></td></tr>`;
}
function Plan({ app, deploy }) {
  const [state, set] = useState(null), { news } = useLive();
  const look = () => { set({ busy: true }); api("plan").then((data) => set({ data }), (error) => set({ error })); };
  useEffect(() => { if (news.serial !== undefined) look(); }, [news.serial]);
  return html`<section class="card" aria-label="Not deployed yet"><header><h2>Not deployed yet</h2><span class="faint grow r" style="white-space:nowrap;overflow:hidden;text-overflow:ellipsis">${state?.data ? `${state.data.steps.length} of ${state.data.steps.length + state.data.unchanged}` : ""}</span><button onClick=${look} disabled=${state?.busy}>Look again</button></header>
    ${!state || state.busy ? html`<div class="kv faint">Running the program…</div>` : state.error ? html`<div style="padding:10px"><${Problem} error=${state.error}/></div>` : state.data.steps.length ? state.data.steps.slice(0, 60).map((s) => html`<div class="kv"><span class="row" style="min-width:0"><span class="op ${s.op}">${SIGN[s.op] || "·"}</span><span class="ell">${s.name}</span></span><span class="faint ell">${s.loses_data ? html`<b class="bad">loses data</b>` : s.changed.join(", ") || s.type}</span></div>`) : html`<div class="kv faint">The program is what is deployed.</div>`}
    ${state?.data?.steps.length ? html`<div class="kv"><code class="faint">sst deploy --stage ${app.stage}</code>${app.writes ? html`<button class="primary" onClick=${deploy}>Deploy <kbd>d</kbd></button>` : ""}</div>` : ""}</section>`;
}
export function Overview({ app, deploy }) {
  const { data: d, error } = useApi("overview", ["calls", "ended", "used", "serial"]);
  if (!d) return error ? html`<div class="page"><${Problem} error=${error}/></div>` : html`<${Waiting}/>`;
  const t = d.total, stacks = [...new Set(d.parts.map((p) => p.stack))], last = d.deploy;
  return html`<div class="page">${error ? html`<${Problem} error=${error}/>` : ""}
    <div class="grow"><${Headline} d=${d}/>
      <div class="sub">${d.resources ? html`${many(d.resources, "resource")} · version ${d.serial}${last ? html` · deployed ${ago(last.began)} in ${last.seconds.toFixed(1)} s${last.user ? ` by ${last.user}` : ""}${last.commit ? html` from <code>${last.commit.slice(0, 8)}</code>` : ""}` : ""}` : html`<code>sst deploy --stage ${app.stage}</code> deploys it`}</div></div>
    <div class="tiles">
      <${Tile} label="Calls" value=${t.calls.toLocaleString("en")} note=${t.calls ? `since ${clock(d.began, 5)}` : ""} plot=${t.plot} bad=${t.bad}/>
      <${Tile} label="Errors" value=${t.errors} note=${t.calls ? `${(t.errors / t.calls * 100).toFixed(1)} %` : ""} plot=${t.bad} bad=${t.bad}/>
      <${Tile} label="Duration, p95" value=${ms(t.p95)} note=${t.calls ? `p50 ${ms(t.p50)}` : ""} plot=${t.plot} bad=${[]}/>
      <${Tile} label="Cold starts" value=${t.cold} note=${t.calls ? `of ${t.calls}` : ""} plot=${t.plot.map((v) => Math.min(v, t.cold))} bad=${[]} fill="var(--cold)"/>
    </div>
    <div class="cols"><div class="card tablewrap"><table class="parts" aria-label="Components"><thead><tr><th>Component</th><th>Calls</th><th class="r">Errors</th><th class="r">p50</th><th class="r">p95</th><th class="wide">Declared</th></tr></thead><tbody>
      ${stacks.map((s) => [s ? html`<tr class="grp"><td colspan="6">${s}</td></tr>` : "", ...d.parts.filter((p) => p.stack === s).map((p) => html`<${Row} p=${p} key=${p.name}/>`)])}
      ${d.parts.length ? "" : html`<tr><td colspan="6" class="faint">No components.</td></tr>`}</tbody></table></div>
    <div class="stack">
      ${Object.keys(d.outputs).length ? html`<section class="card" aria-label="Outputs"><header><h2>Outputs</h2></header>${Object.entries(d.outputs).map(([k, v]) => html`<div class="kv"><span class="dim">${k}</span><code>${/^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(v) ? html`<a href=${v} target="_blank" rel="noopener noreferrer">${v}</a>` : typeof v === "string" ? v : JSON.stringify(v)}</code></div>`)}</section>` : ""}
      <${Plan} app=${app} deploy=${deploy}/>
      ${app.local && d.wide.length ? html`<section class="card" aria-label="May do more than it does"><header><h2>May do more than it does</h2></header>${d.wide.slice(0, 12).map((w) => html`<div class="kv"><span class="ell">${d.parts.find((p) => p.name === w.source)?.title || w.source} <span class="faint">→</span> ${w.target}</span><span class="warn" style="flex:none">${w.verdict}</span></div>`)}<div class="kv faint" style="display:block;white-space:normal">Seen on this machine: evidence, not proof. <code>.link(access="${d.wide.some((w) => w.verdict === "only writes") ? "write" : "read"}")</code> narrows a link.</div></section>` : ""}
    </div></div></div>`;
}
