// Deploy, roll back: the plan is shown, and exactly that plan is carried out.
import { html, useEffect, useState } from "./preact.js";
import { api, copy, Dialog, many, Problem, useApi, Waiting } from "./lib.js";

export const SIGN = { create: "+", update: "~", delete: "−", replace: "±", adopt: "+", forget: "−", unsure: "?", same: "=", skipped: "…" };
export const Command = ({ text }) => html`<div class="row cmd"><code class="grow ell">${text}</code><button onClick=${() => copy(text)}>Copy</button></div>`;

// What a job has done so far; a step is shown once, as it is now
export function Progress({ job }) {
  const steps = new Map();
  for (const e of job.events) {
    if (e.event === "step_started") steps.set(e.key, { ...e, state: "runs" });
    const s = steps.get(e.key);
    if (!s) continue;
    if (e.event === "step_note") s.note = e.text;
    if (e.event === "step_done") Object.assign(s, { state: "done", op: e.op, seconds: e.seconds });
    if (e.event === "step_failed") Object.assign(s, { state: "failed", error: e.error, seconds: e.seconds });
  }
  const shown = [...steps.values()].filter((s) => s.op !== "same" || s.state === "failed"), skipped = job.events.filter((e) => e.event === "step_skipped");
  return html`<div class="card" role="log" aria-label="Steps" style="max-height:340px;overflow:auto" tabindex="0">${shown.map((s) => html`<div class="kv"><span class="row" style="min-width:0"><span class="op ${s.op}">${SIGN[s.op] || "·"}</span><span class="ell ${s.state === "failed" ? "bad" : ""}">${s.name}</span></span><span class=${s.state === "failed" ? "bad" : "faint"}>${s.state === "runs" ? s.note || "…" : s.state === "failed" ? s.error.message : `${s.seconds.toFixed(1)} s`}</span></div>`)}${skipped.map((s) => html`<div class="kv faint"><span>${s.name}</span><span>skipped: ${s.because}</span></div>`)}${shown.length || skipped.length ? "" : html`<div class="kv faint">${job.running ? "Begins…" : "Nothing had to be done."}</div>`}</div>`;
}
const done = (job) => job.error ? "" : `${job.command} took ${job.seconds} s`;
export function Change({ title, verb, body, close }) {
  const [plan, setPlan] = useState(null), [error, setError] = useState(null), [agreed, agree] = useState([]), [mine, setMine] = useState(0), { data, reload } = useApi("job", ["job"]), job = mine && data?.began === mine ? data : null;
  useEffect(() => { api(`do/${verb}`, body).then(setPlan, setError); }, []);
  const run = () => { setError(null); api("do/run", { id: plan.id, agreed }).then((j) => { setMine(j.began); reload(); }, setError); };
  const missing = plan ? plan.loses.filter((n) => !agreed.includes(n)) : [], running = job?.running;
  const footer = mine && job ? html`<span class="grow ${job.error ? "bad" : "ok"}" role="status">${running ? "Running…" : done(job)}</span>${running ? html`<button onClick=${() => api("do/stop", {})} disabled=${job.stopping}>${job.stopping ? "Stopping…" : "Stop"}</button>` : html`<button onClick=${close}>Close</button>`}`
    : html`<span class="grow faint">${plan ? `${many(plan.unchanged, "resource")} unchanged` : ""}</span><button class="primary" disabled=${!plan || !plan.steps.length || missing.length} onClick=${run}>${title}</button>`;
  return html`<${Dialog} title=${title} close=${close} footer=${footer}>${error ? html`<${Problem} error=${error}/>` : ""}
    ${mine && job ? html`${job.error ? html`<${Problem} error=${{ message: job.error.message, told: job.error }}/>` : ""}${job.warnings.map((w) => html`<div class="note">${w}</div>`)}<${Progress} job=${job}/>`
    : plan ? html`<div class="card" style="max-height:300px;overflow:auto" tabindex="0" role="region" aria-label="Plan">${plan.steps.length ? plan.steps.map((s) => html`<div class="kv"><span class="row" style="min-width:0"><span class="op ${s.op}">${SIGN[s.op] || "·"}</span><span class="ell">${s.name}</span></span><span class="faint ell">${s.loses ? html`<b class="bad">loses data</b>` : s.changed.join(", ") || s.type}</span></div>`) : html`<div class="kv faint">Nothing would change.</div>`}</div>
      ${plan.loses.map((n) => html`<label class="row" style="margin-top:10px"><input type="checkbox" style="width:auto" checked=${agreed.includes(n)} onChange=${(e) => agree(e.target.checked ? [...agreed, n] : agreed.filter((x) => x !== n))}/><span class="bad">The data of ${n} will be lost</span></label>`)}` : error ? "" : html`<${Waiting}/>`}
    ${plan ? html`<${Command} text=${plan.command}/>` : ""}<//>`;
}
