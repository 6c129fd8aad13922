import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./preact.js";
import { go, Icon, link, many, ms, Problem, typing, useApi, Waiting } from "./lib.js";

const H = 50, OP = { create: "ok", update: "warn", replace: "warn", delete: "bad", adopt: "ok" };
const subtitle = (p) => (p.kind === "function" || p.kind === "cron") && p.detail ? p.detail : p.kind;
const width = (p) => Math.max(150, Math.round(p.title.length * 7.4) + 62, Math.round(subtitle(p).length * 6.2) + 62);
const short = (text, n) => text.length > n ? `${text.slice(0, n - 1)}…` : text;

function line(points, both) {
  const s = points.at(-1)[1] > points[0][1] ? 1 : -1, off = both ? 34 * s : 0, p = points.map((q) => [...q]);
  p[0] = [p[0][0] + off, p[0][1] + H / 2 * s];
  p[p.length - 1] = [p.at(-1)[0] + off, p.at(-1)[1] - H / 2 * s];
  return p.slice(1).reduce((t, [x, y], i) => { const my = (p[i][1] + y) / 2; return `${t}C${p[i][0]},${my} ${x},${my} ${x},${y}`; }, `M${p[0]}`);
}
// Over this many parts, a box for each stack
const MANY = 150;
function grouped(g) {
  const of = Object.fromEntries(g.parts.map((p) => [p.name, p.stack || "app"])), stacks = [...new Set(Object.values(of))];
  const lines = new Map();
  for (const e of g.edges) { const a = of[e.source], b = of[e.target]; if (a !== b) lines.set(`${a}|${b}`, (lines.get(`${a}|${b}`) || 0) + 1); }
  return { stacks, of, lines: [...lines].map(([k, n]) => [...k.split("|"), n]) };
}
export function Graph({ query }) {
  const plan = query.plan === "1", { data: g, error, reload } = useApi(`graph${plan ? "?plan=1" : ""}`, ["ended", "used", "serial"]);
  const [grants, setGrants] = useState(true), [find, setFind] = useState(""), [asTable, setTable] = useState(false), svg = useRef(), drag = useRef(null), view = useRef(null), size = useRef(null);
  const sel = query.sel || "", choose = (name) => go(link("graph", { sel: name, plan: plan ? "1" : "" }));
  const shape = g ? `${g.width}|${g.height}` : "";
  const box = () => {
    const at = svg.current?.getBoundingClientRect(), r = at?.width ? at : { width: 900, height: 700 }, w = g.width + 100, h = g.height + 150;
    const z = Math.max(w / r.width, h / r.height, 0.9);
    return [(w - r.width * z) / 2 - 50, Math.min(-90, (h - r.height * z) / 2 - 100), r.width * z, r.height * z];
  };
  const move = (b) => { view.current = b; svg.current.setAttribute("viewBox", b.map((v) => v.toFixed(1)).join(" ")); svg.current.classList.toggle("far", b[2] / svg.current.clientWidth > 2); };
  // by what was chosen or has the focus: it is brought into view
  const reveal = (name) => {
    const at = g?.places[name], b = view.current;
    if (at && b && svg.current && (at[0] < b[0] + 90 || at[0] > b[0] + b[2] - 90 || at[1] < b[1] + 40 || at[1] > b[1] + b[3] - 40)) move([at[0] - b[2] / 2, at[1] - b[3] / 2, b[2], b[3]]);
  };
  const zoomed = (k) => { const b = view.current || box(); move([b[0] + b[2] * (1 - k) / 2, b[1] + b[3] * (1 - k) / 2, b[2] * k, b[3] * k]); };
  useEffect(() => { view.current = null; }, [shape]);
  useEffect(() => { if (svg.current && !view.current) move(box()); });
  useEffect(() => { reveal(sel); }, [sel]);
  useLayoutEffect(() => {
    const keys = (e) => {
      if (typing(e) || document.querySelector(".box") || e.ctrlKey || e.metaKey) return;
      if (e.key === "p") go(link("graph", { sel, plan: plan ? "" : "1" }));
      else if (e.key === "f") document.querySelector(".gbar input")?.focus();
      else if (e.key === "Escape") choose("");
      else if (["+", "-", "0"].includes(e.key) && svg.current) e.key === "0" ? move(box()) : zoomed(e.key === "+" ? 0.8 : 1.25);
      else if (e.key.startsWith("Arrow") && g && sel) {
        const next = e.key === "ArrowDown" || e.key === "ArrowRight" ? g.edges.find((x) => x.source === sel) : g.edges.find((x) => x.target === sel);
        if (next) choose(next.source === sel ? next.target : next.source);
      } else return;
      e.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  const drawn = useMemo(() => g && g.edges.map((e) => { const key = `${e.source}|${e.target}`; return g.lines[key] ? { e, d: line(g.lines[key], !!g.lines[`${e.target}|${e.source}`]), at: g.labels[key] } : null; }).filter(Boolean), [g]);
  if (!g) return error ? html`<div class="page"><${Problem} error=${error}/></div>` : html`<${Waiting}/>`;
  if (!g.parts.length) return html`<div class="empty"><h1>Nothing is deployed</h1><div class="sub">The graph shows what is in the state.</div></div>`;
  const zoom = (e) => { e.preventDefault(); const b = view.current || box(), k = e.deltaY > 0 ? 1.12 : 0.89, r = svg.current.getBoundingClientRect(), fx = (e.clientX - r.left) / r.width, fy = (e.clientY - r.top) / r.height; move([b[0] + b[2] * fx * (1 - k), b[1] + b[3] * fy * (1 - k), b[2] * k, b[3] * k]); };
  const near = sel && new Set([sel, ...g.edges.filter((e) => e.source === sel).map((e) => e.target), ...g.edges.filter((e) => e.target === sel).map((e) => e.source)]);
  const match = (p) => !find || `${p.title} ${p.name} ${p.kind} ${p.stack}`.toLowerCase().includes(find.toLowerCase());
  const off = (p) => (near && !near.has(p.name)) || !match(p);
  const part = g.parts.find((p) => p.name === sel);
  const head = html`<div class="gbar"><div class="card hidesmall"><span class="row"><svg width="26" height="8" aria-hidden="true"><line x1="0" y1="4" x2="26" y2="4" stroke="var(--accent)" stroke-width="2"/></svg>calls</span><span class="row"><svg width="26" height="8" aria-hidden="true"><line x1="0" y1="4" x2="26" y2="4" stroke="var(--faint)" stroke-width="2" stroke-dasharray="4 4"/></svg>may use</span><span class="row"><svg width="26" height="8" aria-hidden="true"><line x1="0" y1="4" x2="26" y2="4" stroke="var(--warn)" stroke-width="2" stroke-dasharray="4 4"/></svg>may use, never did</span></div>
    <button aria-pressed=${grants} onClick=${() => setGrants(!grants)}>Grants</button><button aria-pressed=${plan} onClick=${() => go(link("graph", { sel, plan: plan ? "" : "1" }))}>Plan <kbd>p</kbd></button><button aria-pressed=${asTable} onClick=${() => setTable(!asTable)}>As a table</button><input aria-label="Find in the graph" placeholder="Find (f)" value=${find} onInput=${(e) => setFind(e.target.value)}/></div>`;
  const stackView = g.parts.length > MANY && !query.all;
  return html`<div class="gwrap"><div class="canvas">${head}${g.problem ? html`<div style="position:absolute;left:16px;top:60px;right:16px;z-index:2"><${Problem} error=${{ message: g.problem }}/></div>` : ""}
    ${asTable ? html`<${Table} g=${g} choose=${choose}/>` : stackView ? html`<${Stacks} g=${g} query=${query}/>` : html`<svg ref=${svg} onWheel=${zoom} role="group" aria-label="Graph of ${g.parts.length} components"
      onPointerDown=${(e) => { drag.current = [e.clientX, e.clientY, view.current || box()]; }} onPointerMove=${(e) => { if (!drag.current) return; const r = svg.current.getBoundingClientRect(), [x, y, b] = drag.current, k = Math.max(b[2] / r.width, b[3] / r.height); move([b[0] - (e.clientX - x) * k, b[1] - (e.clientY - y) * k, b[2], b[3]]); }} onPointerUp=${() => { drag.current = null; }} onPointerLeave=${() => { drag.current = null; }}>
      <defs>${[["m", "accent"], ["m2", "faint"]].map(([id, c]) => html`<marker id=${id} viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto"><path d="M0 0 8 4 0 8z" fill=${`var(--${c})`}/></marker>`)}</defs>
      ${drawn.filter(({ e }) => e.kind === "event" || grants).map(({ e, d, at }) => { const unused = e.kind === "grant" && e.verdict && !e.count; return html`<g class="edge ${e.kind} ${unused ? "unused" : ""} ${sel && e.source !== sel && e.target !== sel ? "off" : ""}"><path d=${d} marker-end="url(#${e.kind === "event" ? "m" : "m2"})" style=${e.count > 20 ? "stroke-width:2.4" : ""}/>${at ? html`<text x=${at[0]} y=${at[1] + 4} text-anchor="middle">${short(at[2], 42)}</text>` : ""}</g>`; })}
      ${g.parts.map((p) => { const [x, y] = g.places[p.name], w = width(p), op = OP[p.op]; return html`<g class="node ${sel === p.name ? "sel" : ""} ${off(p) ? "off" : ""}" transform="translate(${x - w / 2},${y - H / 2})" tabindex="0" role="button" aria-pressed=${sel === p.name} onClick=${() => choose(p.name)} onKeyDown=${(e) => { if (e.key === "Enter" || e.key === " ") { choose(p.name); e.preventDefault(); } }} onFocus=${() => reveal(p.name)}><rect width=${w} height=${H} rx="8" style=${op ? `stroke:var(--${op});stroke-width:2.5` : ""}/><${Icon} kind=${p.kind} x=${12} y=${17}/><text x="38" y="22">${short(p.title, 48)}</text><text class="s2" x="38" y="38">${short(p.op ? `${p.op}${p.changed.length ? `: ${p.changed.join(", ")}` : ""}` : subtitle(p), Math.floor(w / 6.4) - 6)}</text></g>`; })}</svg>`}</div>
    <aside class="gside" aria-label="Chosen component">${part ? html`<${Side} p=${part} g=${g} choose=${choose}/>` : html`<div style="padding:18px" class="dim">Choose a component: who reaches it, what it may use, and what it has used.<p class="faint">Arrow keys follow the edges. <kbd>+</kbd> <kbd>-</kbd> <kbd>0</kbd> zoom, <kbd>f</kbd> finds, <kbd>p</kbd> shows the plan.</p>${plan ? html`<h2 style="margin-top:16px">The next deploy</h2>${g.parts.filter((p) => p.op).map((p) => html`<div class="kv" style="padding:6px 0"><button class="plain" onClick=${() => choose(p.name)}>${p.title}</button><span class=${OP[p.op] || "dim"}>${p.op}</span></div>`)}${g.parts.some((p) => p.op) ? "" : html`<div class="faint">changes nothing.</div>`}<p><button onClick=${reload}>Look again</button></p>` : ""}</div>`}</aside></div>`;
}
function Edges({ title, edges, side, choose, g }) {
  const named = (n) => g.parts.find((p) => p.name === n)?.title || n;
  return edges.length ? html`<section class="card" style="margin:0 14px 12px" aria-label=${title}><header><h2>${title}</h2></header>${edges.map((e) => html`<div class="kv"><button class="plain" onClick=${() => choose(e[side])}>${named(e[side])}</button><span class="dim ell" style="text-align:right">${e.label} ${e.kind === "grant" && e.count !== undefined ? html`<span class=${e.count ? "faint" : "warn"}>${e.count ? `${e.count}×` : ""}</span>` : ""}</span></div>${e.verdict ? html`<div style="padding:0 14px 8px" class="warn">${e.verdict}</div>` : ""}${side === "target" && e.actions ? html`<div style="padding:0 14px 9px" class="faint mono">${e.actions.map((a) => { const word = a.split(":")[1], used = e.used?.[word]; return html`<span class=${used ? "ok" : ""}>${a}${used ? ` ${used}×` : ""} </span>`; })}</div>` : ""}`)}</section>` : "";
}
function Side({ p, g, choose }) {
  return html`<div style="padding:16px"><div class="row"><${Icon} kind=${p.kind}/><h1 style="font-size:16px">${p.title}</h1></div><div class="sub"><code>${p.detail || p.kind}</code>${p.where ? html` · <code>${p.where}</code>` : ""}</div>${p.kind === "function" ? html`<p><a class="chip" href=${link("invocations", { filter: `fn:"${p.name}"` })}>Its calls</a></p>` : ""}</div>
    <${Edges} title="Reached by" edges=${g.edges.filter((e) => e.target === p.name)} side="source" choose=${choose} g=${g}/>
    <${Edges} title=${p.kind === "function" ? "May use" : "Calls"} edges=${g.edges.filter((e) => e.source === p.name)} side="target" choose=${choose} g=${g}/>
    <section class="card" style="margin:0 14px 14px" aria-label="Made of"><header><h2>Made of</h2></header>${p.resources.map((r) => html`<div class="kv"><span>${r.name}</span><code class="faint">${r.type}</code></div>`)}</section>`;
}
function Table({ g, choose }) {
  const named = (n) => g.parts.find((p) => p.name === n)?.title || n;
  return html`<div style="overflow:auto;height:100%;padding:64px 16px 20px" tabindex="0" role="region" aria-label="Edges"><div class="card tablewrap"><table aria-label="Who may call whom"><thead><tr><th>From</th><th>To</th><th>How</th><th class="r">Used</th></tr></thead><tbody>${g.edges.map((e) => html`<tr><td><button class="plain" onClick=${() => choose(e.source)}>${named(e.source)}</button></td><td><button class="plain" onClick=${() => choose(e.target)}>${named(e.target)}</button></td><td>${{ event: "calls", grant: "may", address: "" }[e.kind]} ${e.label}</td><td class="r ${e.verdict ? "warn" : "faint"}">${e.kind === "grant" ? e.verdict || `${e.count || 0}×` : ""}</td></tr>`)}</tbody></table></div></div>`;
}
function Stacks({ g, query }) {
  const { stacks, of, lines } = grouped(g);
  return html`<div style="overflow:auto;height:100%;padding:64px 16px 20px"><div class="note">${many(g.parts.length, "component")}: one box a stack. <a href=${link("graph", { ...query, all: "1" })} style="text-decoration:underline">Draw all of them</a></div><div class="tiles">${stacks.map((s) => html`<section class="card tile" aria-label=${s}><h2>${s}</h2><div class="sub">${many(g.parts.filter((p) => of[p.name] === s).length, "component")}</div>${lines.filter(([a]) => a === s).map(([, b, n]) => html`<div class="faint">→ ${b} ${n}×</div>`)}</section>`)}</div></div>`;
}
