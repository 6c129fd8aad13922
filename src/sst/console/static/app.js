import { html, render, useEffect, useMemo, useRef, useState } from "./preact.js";
import { Change } from "./changes.js";
import { api, Dialog, go, Icon, link, listen, live, many, ms, Problem, typing, useApi, useLive, Waiting } from "./lib.js";
import { Overview } from "./overview.js";

// A page whose code is read when it is opened, at the latest after the first page was drawn
const reads = [];
function later(file, name) {
  let Made = null;
  const read = () => import(file).then((m) => { Made = m[name]; });
  reads.push(read);
  return function Page(props) {
    const [error, set] = useState(null);
    useEffect(() => { read().then(() => set(false), () => set({ message: "The code of this page can't be read.", told: { hint: "load the page again" } })); }, []);
    return Made ? html`<${Made} ...${props}/>` : error ? html`<div class="page"><${Problem} error=${error}/></div>` : html`<${Waiting}/>`;
  };
}

const PAGES = [["overview", "Overview", Overview, "o"], ["graph", "Graph", later("./graph.js", "Graph"), "g"], ["deploys", "Deploys", later("./deploys.js", "Deploys"), "d"], ["invocations", "Invocations", later("./calls.js", "Invocations"), "i"], ["logs", "Logs", later("./logs.js", "Logs"), "l"], ["metrics", "Metrics", later("./look.js", "Metrics"), "m"], ["drift", "Drift", later("./look.js", "Drift"), "r"], ["cost", "Cost", later("./look.js", "Cost"), "c"], ["secrets", "Secrets", later("./look.js", "Secrets"), "s"], ["data", "Data", later("./data.js", "Data"), "b"]];
const KEYS = [["g o, g g, g d, g i, g l, g m", "go to a page"], ["g r, g c, g s, g b", "to drift, cost, secrets, data"], ["d", "deploy, after its plan was shown"], ["ctrl k, ⌘ k", "find a component, a call, a page"], ["j k, ↓ ↑", "the next row, the one before"], ["/", "filter, search"], ["r, e, t", "replay a call, edit and replay it, save it as a test"], ["space", "pause the list of calls"], ["n", "the next error in the logs"], ["p, f, + - 0", "in the graph: the plan, find, zoom"], ["← →", "in metrics: the values at a time"], ["[ ]", "back, forward"], ["esc", "clear the filter, close"], ["?", "this"]];
const stored = (k) => { try { return localStorage.getItem(k); } catch { return null; } };

function Palette({ close, parts, data }) {
  const [text, set] = useState(""), [at, setAt] = useState(0), [calls, setCalls] = useState([]);
  useEffect(() => { if (text.length < 2) { setCalls([]); return; } const timer = setTimeout(() => api(`invocations?limit=8&filter=${encodeURIComponent(`"${text.replace(/"/g, "")}"`)}`).then((d) => setCalls(d.rows), () => {}), 150); return () => clearTimeout(timer); }, [text]);
  const sought = text.toLowerCase(), has = (t) => t.toLowerCase().includes(sought);
  const rank = (p) => p.title.toLowerCase().startsWith(sought) ? 0 : has(`${p.title} ${p.name}`) ? 1 : has(p.kind === "function" ? p.detail || "" : p.kind) ? 2 : p.ids.some((id) => has(id.replace(/^https?:/, ""))) ? 3 : 4;
  const found = useMemo(() => [...PAGES.filter(([, l]) => has(l)).map(([p, l]) => ({ text: l, note: "page", to: link(p) })),
    ...parts.filter((p) => rank(p) < 4).sort((a, b) => rank(a) - rank(b)).slice(0, 12).map((p) => ({ text: p.title, note: p.kind, kind: p.kind, to: p.kind === "function" ? link("invocations", { filter: `fn:"${p.name}"` }) : data?.some((x) => x.name === p.name) ? link("data", { name: p.name }) : link("graph", { sel: p.name }) })),
    ...calls.map((c) => ({ text: `${c.trigger} ${c.error}`, note: `${c.title}, ${ms(c.ms)}`, to: link("invocations", { id: c.id }) }))], [text, calls, parts]);
  const open = (f) => { if (f) { close(); go(f.to); } };
  return html`<${Dialog} title="Find" close=${close}><input role="combobox" aria-expanded="true" aria-controls="found" aria-activedescendant=${`found-${at}`} aria-label="Find" placeholder="A component, its physical name or ARN, a call, a page" value=${text} onInput=${(e) => { set(e.target.value); setAt(0); }} onKeyDown=${(e) => { if (e.key === "ArrowDown") setAt(Math.min(found.length - 1, at + 1)); else if (e.key === "ArrowUp") setAt(Math.max(0, at - 1)); else if (e.key === "Enter") open(found[at]); else return; e.preventDefault(); }}/>
    <div role="listbox" id="found" aria-label="Found" style="margin-top:8px">${found.map((f, i) => html`<div class="pick" role="option" id=${`found-${i}`} aria-selected=${i === at} onClick=${() => open(f)}>${f.kind ? html`<${Icon} kind=${f.kind}/>` : ""}<span class="ell">${f.text}</span><span class="faint">${f.note}</span></div>`)}</div>${found.length ? "" : html`<p class="faint">Nothing has this name.</p>`}<//>`;
}
function Unlock({ app, close }) {
  const [text, set] = useState(""), [error, setError] = useState(null), go = () => api("do/unlock", { confirm: text }).then(close, setError);
  return html`<${Dialog} title="Unlock changes for 10 minutes" close=${close} footer=${html`<button class="primary" disabled=${text !== app.stage} onClick=${go}>Unlock</button>`}><label class="field"><span class="dim">Type the name of the stage, ${app.stage}: what you change from now on is changed in AWS.</span><input value=${text} onInput=${(e) => set(e.target.value)} onKeyDown=${(e) => e.key === "Enter" && text === app.stage && go()}/></label>${error ? html`<${Problem} error=${error}/>` : ""}<//>`;
}
function App() {
  const [hash, setHash] = useState(location.hash), [theme, setTheme] = useState(new URLSearchParams(location.search).get("theme") || stored("sst-console-theme") || (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark")), [box, setBox] = useState(""), { state, news, refused } = useLive();
  const { data: app, error, reload } = useApi(refused ? "" : "app");
  if (app && live.news.calls == null) live.news = app.news;     // what is read from now on is at least as new
  const asks = !refused && app, { data: d } = useApi(asks ? "overview" : "", ["calls", "ended", "used", "serial"]), { data } = useApi(asks ? "browse" : "", ["serial"]), last = useRef(0), said = useRef(0), now = useRef(null), [alert, setAlert] = useState("");
  useEffect(() => {
    let g = 0;
    const change = () => setHash(location.hash);
    const keys = (e) => {
      if ((e.ctrlKey || e.metaKey) && e.key === "k") { setBox("find"); e.preventDefault(); return; }
      if (typing(e) || e.ctrlKey || e.metaKey || e.altKey || document.querySelector(".box")) return;
      if (e.key === "g" && Date.now() - g > 900) { g = Date.now(); e.stopImmediatePropagation(); return; }
      if (Date.now() - g < 900) { const page = PAGES.find((p) => p[3] === e.key); g = 0; if (page) { go(link(page[0])); e.preventDefault(); e.stopImmediatePropagation(); } return; }
      if (e.key === "?") setBox("keys");
      if (e.key === "d" && now.current?.writes) setBox("deploy");
      if (e.key === "[") history.back();
      if (e.key === "]") history.forward();
    };
    addEventListener("hashchange", change);
    addEventListener("keydown", keys, true);
    listen();
    return () => { removeEventListener("hashchange", change); removeEventListener("keydown", keys, true); };
  }, []);
  useEffect(() => { document.documentElement.dataset.theme = theme; try { localStorage.setItem("sst-console-theme", theme); } catch { /* storage is blocked */ } }, [theme]);
  now.current = app;
  useEffect(() => { if (app?.unlocked) { const timer = setTimeout(reload, Math.min(app.unlocked * 1000 + 500, 60000)); return () => clearTimeout(timer); } }, [app]);
  useEffect(() => { if (d) { performance.mark("drawn"); reads.forEach((read) => read().catch(() => {})); } }, [!d]);
  useEffect(() => { if (app) document.title = `${app.app} · ${app.stage}`; }, [app]);
  const bad = d?.total.errors || 0;
  useEffect(() => { if (d && bad > last.current && Date.now() - said.current > 10000) { setAlert(`${many(bad, "call")} failed`); said.current = Date.now(); } last.current = bad; }, [bad]);
  const [path, search] = (hash.slice(2) || "overview").split("?"), query = Object.fromEntries(new URLSearchParams(search)), page = PAGES.find((p) => p[0] === path) || PAGES[0], Page = page[2];
  if (refused) return html`<main style="padding:48px"><h1>This page belongs to a console that has ended</h1><div class="sub">Run <code>sst console</code> and open the address that it prints.</div></main>`;
  if (!app) return html`<main style="padding:24px">${error ? html`<${Problem} error=${error}/>` : html`<div class="dim">Reading…</div>`}</main>`;
  const uses = Object.fromEntries((d?.parts || []).map((p) => [p.name, p.uses])), count = { graph: d?.parts.length, deploys: d ? `v${d.serial}` : "" };
  return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.getElementById("main").focus(); }}>To the page</a><div class="app"><nav aria-label="Pages"><div class="brand"><svg width="18" height="18" viewBox="0 0 16 16" aria-hidden="true"><path d="M2 5.2 8 2l6 3.2-6 3.2zM2 8l6 3.2L14 8M2 10.8 8 14l6-3.2" fill="none" stroke="var(--accent)" stroke-width="1.5" stroke-linejoin="round"/></svg><span class="ell">${app.app}</span></div>
    <div class="stage"><span><span class="dot" style="margin-right:7px"></span>${app.stage}</span><span class="faint">${app.local ? "this machine" : app.protected ? "protected" : app.writes ? "unlocked" : "read-only"}</span></div>${app.can_unlock ? html`<button style="margin:-6px 0 12px" onClick=${() => app.writes ? api("do/unlock", { confirm: "" }).then(reload) : setBox("unlock")}>${app.writes ? `Lock (${Math.ceil(app.unlocked / 60)} min left)` : "Unlock changes"}</button>` : ""}
    ${PAGES.map(([p, label, , key]) => !["data", "metrics", "drift", "cost", "secrets"].includes(p) && html`<a href=${link(p)} aria-current=${p === page[0] ? "page" : null} title="${label} (g ${key})"><span class="txt">${label}</span><span class="n ${p === "invocations" && bad ? "bad" : ""}">${p === "invocations" ? bad ? `${bad} failed` : d?.total.calls || "" : count[p] ?? ""}</span></a>`)}
    ${data?.length ? html`<div class="sec">Data</div>${data.slice(0, 14).map((p) => html`<a href=${link("data", { name: p.name })} aria-current=${page[0] === "data" && query.name === p.name ? "page" : null} title="${p.kind} ${p.title}"><${Icon} kind=${p.kind}/><span class="txt ell">${p.title}</span><span class="n">${uses[p.name] ? `${uses[p.name]}×` : ""}</span></a>`)}` : ""}
    <div class="sec">Look after</div>${PAGES.filter(([p]) => ["metrics", "drift", "cost", "secrets"].includes(p)).map(([p, label, , key]) => html`<a href=${link(p)} aria-current=${p === page[0] ? "page" : null} title="${label} (g ${key})"><span class="txt">${label}</span></a>`)}
    <div class="foot">127.0.0.1, nothing leaves it<br/><button class="plain" onClick=${() => setBox("keys")}><kbd>?</kbd> keys</button></div></nav>
    <main id="main" tabindex="-1"><div class="top"><button class="find" onClick=${() => setBox("find")}><span>Find a component, a call, a page</span><kbd class="hidesmall">ctrl k</kbd></button><div class="live" role="status"><span class="dot ${state === "live" ? "" : state === "lost" ? "bad" : "idle"}"></span><span class="hidesmall">${{ live: "live", lost: "the console has ended", connecting: "connecting" }[state]}</span></div><button onClick=${() => setTheme(theme === "dark" ? "light" : "dark")}>${theme === "dark" ? "Light" : "Dark"}</button></div>
    ${state === "lost" ? html`<div class="note bad" style="margin:10px 20px 0">The console does not answer. <code>sst console</code> starts it again; this page shows what it knew.</div>` : ""}
    <${Page} query=${query} app=${app} deploy=${() => setBox("deploy")} key=${page[0]}/></main></div>
    <div role="status" aria-live="polite" class="skip">${alert}</div>
    ${box === "find" ? html`<${Palette} close=${() => setBox("")} parts=${d?.parts || []} data=${data}/>` : box === "deploy" ? html`<${Change} title="Deploy" verb="plan-deploy" body=${{}} close=${() => setBox("")}/>` : box === "unlock" ? html`<${Unlock} app=${app} close=${() => { setBox(""); reload(); }}/>` : box === "keys" ? html`<${Dialog} title="Keys" close=${() => setBox("")}>${KEYS.map(([k, t]) => html`<div class="kv"><kbd>${k}</kbd><span class="dim">${t}</span></div>`)}<//>` : ""}`;
}
render(html`<${App}/>`, document.getElementById("app"));
