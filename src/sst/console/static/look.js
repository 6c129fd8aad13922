// Pages that look after the app: metrics, drift, secrets.
import { html, useEffect, useState } from "./preact.js";
import { Command, Progress } from "./changes.js";
import { api, clock, day, go, link, many, ms, Problem, useApi, Waiting } from "./lib.js";

const W = 300, H = 54;
function Plot({ label, lines, top, unit, since, until, cross, move }) {
  const max = Math.max(top || 0, ...lines.flatMap(([v]) => v.map((x) => x ?? 0))) || 1, n = lines[0][0].length, x = (i) => (i + 0.5) / n * W, y = (v) => H - 3 - v / max * (H - 8);
  const path = (v) => v.reduce((t, p, i) => p == null ? t : `${t}${t && v[i - 1] != null ? "L" : "M"}${x(i).toFixed(1)},${y(p).toFixed(1)}`, "");
  const at = cross == null ? null : Math.min(n - 1, Math.max(0, Math.floor(cross * n)));
  return html`<div class="plot"><div class="row"><span class="dim">${label}</span><span class="grow r faint">${at == null ? `up to ${unit(max)}` : `${clock(since + (at + 0.5) / n * (until - since), 5)}: ${lines.map(([v]) => unit(v[at] ?? 0)).join(" / ")}`}</span></div>
    <svg viewBox="0 0 ${W} ${H}" preserveAspectRatio="none" role="img" aria-label="${label}: up to ${unit(max)}" onPointerMove=${(e) => { const r = e.currentTarget.getBoundingClientRect(); move((e.clientX - r.left) / r.width); }} onPointerLeave=${() => move(null)}><line x1="0" x2=${W} y1=${H - 3} y2=${H - 3} stroke="var(--line)"/>${lines.map(([v, c, bars]) => bars ? v.map((p, i) => p ? html`<rect x=${x(i) - W / n * 0.38} width=${W / n * 0.76} y=${y(p)} height=${H - 3 - y(p)} fill=${c}/>` : "") : html`<path d=${path(v)} fill="none" stroke=${c} stroke-width="1.6" vector-effect="non-scaling-stroke"/>${v.map((p, i) => p != null && v[i - 1] == null && v[i + 1] == null ? html`<circle cx=${x(i)} cy=${y(p)} r="1.8" fill=${c}/>` : "")}`)}${at == null ? "" : html`<line x1=${x(at)} x2=${x(at)} y1="0" y2=${H} stroke="var(--faint)" stroke-dasharray="2 3"/>`}</svg></div>`;
}
export function Metrics({ query, app }) {
  const span = query.span || "1h", { data: d, error } = useApi(app.local ? `metrics?span=${span}` : "", ["ended"]), [cross, move] = useState(null);
  if (!app.local) return html`<div class="empty"><h1>Calls are recorded on stage local</h1><div class="sub">On a stage in AWS, its own metrics have them.</div></div>`;
  if (!d) return error ? html`<div class="page"><${Problem} error=${error}/></div>` : html`<${Waiting}/>`;
  const shared = { since: d.since, until: d.until, cross, move }, count = (v) => Math.round(v).toLocaleString("en");
  return html`<div class="page"><div class="row"><h1 class="grow">Metrics</h1>${d.spans.map((s) => html`<button class="chip ${s === span ? "on" : ""}" aria-pressed=${s === span} onClick=${() => go(link("metrics", { span: s }))}>${s}</button>`)}</div>
    <div class="sub">${day(d.since)} ${clock(d.since, 5)} to ${clock(d.until, 5)}: what was recorded on this machine</div>${error ? html`<${Problem} error=${error}/>` : ""}
    ${d.functions.length ? d.functions.map((f) => html`<section class="card metric" aria-label=${f.function}><header><h2>${f.function}</h2><span class="faint grow r">${many(f.calls.reduce((a, b) => a + b, 0), "call")}</span><a href=${link("invocations", { filter: `fn:"${f.function}"` })}>Its calls</a></header><div class="plots">
      <${Plot} label="Calls" lines=${[[f.calls, "var(--bar)", 1], [f.errors, "var(--bad)", 1]]} unit=${count} ...${shared}/><${Plot} label="Errors" lines=${[[f.errors, "var(--bad)", 1]]} unit=${count} ...${shared}/><${Plot} label="Duration, p50 / p95" lines=${[[f.p50, "var(--table)"], [f.p95, "var(--accent)"]]} unit=${ms} ...${shared}/><${Plot} label="Cold starts" lines=${[[f.cold, "var(--cold)", 1]]} unit=${count} ...${shared}/></div></section>`) : html`<div class="empty" style="padding:28px 0"><h1>Nothing was called in this time</h1><div class="sub">A longer stretch may have some.</div></div>`}</div>`;
}
const value = (v) => v == null ? "–" : typeof v === "string" ? v : JSON.stringify(v);
export function Drift({ app }) {
  const [state, set] = useState({}), [chosen, choose] = useState({}), [mine, setMine] = useState(0), { data: last, reload } = useApi("job", ["job"]), job = mine && last?.began === mine ? last : null;
  const look = () => { set({ busy: true }); setMine(0); choose({}); api("drift").then((data) => set({ data }), (error) => set({ error })); };
  const pick = (label, what) => choose((now) => ({ ...now, [label]: now[label] === what ? "" : what })), of = (what) => Object.entries(chosen).filter(([, w]) => w === what).map(([l]) => l);
  const apply = () => api("do/refresh", { accept: of("accept"), revert: of("revert"), shown: state.data.rows }).then((j) => { setMine(j.began); reload(); }, (error) => set({ ...state, error }));
  const d = state.data, some = of("accept").length + of("revert").length;
  return html`<div class="page"><div class="row"><h1 class="grow">${d ? d.rows.length ? `${many(new Set(d.rows.map((r) => r.urn)).size, "resource")} changed outside of sst` : "No drift" : "Drift"}</h1><button onClick=${look} disabled=${state.busy}>${state.busy ? "Reading the cloud…" : d ? "Look again" : "Look now"}</button></div>
    <div class="sub">${d ? `${many(d.read, "resource")} were read from the cloud and compared with the state.` : "What was changed outside of sst, beside what the state and the program say. A look reads every resource of the state."}</div>
    ${state.error ? html`<div class="sect"><${Problem} error=${state.error}/></div>` : ""}
    ${d?.rows.length ? html`<div class="card tablewrap sect" tabindex="0" role="region" aria-label="Drift"><table aria-label="Drift"><thead><tr><th>Property</th><th>Program</th><th>State</th><th>Cloud</th>${app.writes ? html`<th></th>` : ""}</tr></thead><tbody>${d.rows.map((r) => html`<tr><td><b>${r.label}</b> <span class="faint">${r.type}</span></td>${r.gone ? html`<td colspan="3" class="bad">is gone from the cloud</td>` : html`<td class="cell"><code>${r.declared ? value(r.program) : "not in the program"}</code></td><td class="cell"><code>${value(r.state)}</code></td><td class="cell warn"><code>${value(r.cloud)}</code></td>`}${app.writes ? html`<td class="r"><button aria-pressed=${chosen[r.label] === "accept"} class="chip ${chosen[r.label] === "accept" ? "on" : ""}" onClick=${() => pick(r.label, "accept")}>Accept</button> <button aria-pressed=${chosen[r.label] === "revert"} class="chip ${chosen[r.label] === "revert" ? "on" : ""}" onClick=${() => pick(r.label, "revert")}>Revert</button></td>` : ""}</tr>`)}</tbody></table></div>
      <p class="faint">Accepting writes the cloud's value to the state; the next deploy compares it with the program. Reverting restores the state's value in the cloud.</p>${some ? html`<button class="primary" disabled=${job?.running} onClick=${apply}>Accept ${of("accept").length}, revert ${of("revert").length}</button><${Command} text=${`sst refresh ${[...of("accept").map((n) => `--accept ${n}`), ...of("revert").map((n) => `--revert ${n}`)].join(" ")} --stage ${app.stage}`}/>` : ""}` : ""}
    ${mine && job ? html`<section class="sect" aria-label="Result"><h2>${job.running ? "Running…" : job.error ? "It failed" : `Done in ${job.seconds} s`}</h2>${job.error ? html`<${Problem} error=${{ message: job.error.message, told: job.error }}/>` : html`<${Progress} job=${job}/>`}</section>` : ""}</div>`;
}
export function Secrets({ app }) {
  const { data: d, error } = useApi("secrets", ["serial"]);
  if (!d) return error ? html`<div class="page"><${Problem} error=${error}/></div>` : html`<${Waiting}/>`;
  return html`<div class="page"><h1>Secrets</h1><div class="sub">Names alone: values are not sent to this page. <code>sst secret list --values</code> shows them.</div>
    ${d.length ? html`<div class="card tablewrap sect" tabindex="0" role="region" aria-label="Secrets"><table aria-label="Secrets"><thead><tr><th>Name</th><th>Value</th><th>In the deployed program</th><th>Set it</th></tr></thead><tbody>${d.map((s) => html`<tr><td><b>${s.name}</b></td><td class=${s.set ? "" : "warn"}>${{ stage: "set for this stage", fallback: "the fallback of all stages", "": "not set: the placeholder, if there is one" }[s.set]}</td><td class="dim">${s.linked ? "declared" : "not declared"}</td><td><code>sst secret set ${s.name} --stage ${app.stage}</code></td></tr>`)}</tbody></table></div>` : html`<div class="empty" style="padding:28px 0"><h1>The app has no secrets</h1><div class="sub"><code>sst.Secret("Name")</code> declares one.</div></div>`}</div>`;
}
