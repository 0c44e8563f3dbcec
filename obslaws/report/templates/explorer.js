// The page: sliders in, forecasts out.
const explorer = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id), { html, name } = charts;
  const COLOURS = ["var(--second)", "var(--third)", "var(--fourth)"], N_CURVE = 28;
  const J = data.benchmarks.length, range = charts.flopRange(data.models);
  const state = { family: 0, n_params: 7e9, n_active_params: 7e9, n_tokens: 1e12, variant: "unknown", release_date: null, scores: new Array(J).fill(null), level: 0.9, compared: [], found: null };
  // each model comes with the benchmarks that it was scored on; the page wants a place for all of them
  const spreadOut = (at, values) => { const out = new Array(J).fill(null); at.forEach((j, i) => { out[j] = values[i]; }); return out; };
  for (const model of data.models) {
    model.scores = spreadOut(model.at, model.scores);
    if (model.sources) model.sources = spreadOut(model.at, model.sources);
  }
  const boards = data.benchmarks.map((_, j) => charts.make(data, j, range));

  const SUFFIXES = [["T", 1e12], ["B", 1e9], ["M", 1e6], ["K", 1e3]];
  function write(count) {
    for (const [suffix, unit] of SUFFIXES) if (Number(count.toPrecision(3)) >= unit) return `${Number((count / unit).toPrecision(3))}${suffix}`;
    return String(Number(count.toPrecision(3)));
  }
  function read(text) {
    const match = /^\s*([0-9][0-9_]*\.?[0-9]*(?:e[+-]?[0-9]+)?|\.[0-9]+)\s*([kmbt]?)\s*$/i.exec(text);
    if (!match) return NaN;
    const value = Number(match[1].replaceAll("_", "")) * { "": 1, k: 1e3, m: 1e6, b: 1e9, t: 1e12 }[match[2].toLowerCase()];
    return value > 0 && Number.isFinite(value) ? value : NaN;
  }
  const score = (v) => (v === null || v === undefined ? "–" : v.toFixed(3));
  const flop = (query) => 6 * query.n_active_params * query.n_tokens;
  const family = () => data.families[state.family];
  const source = (model, j) => (model.sources ? data.sources[model.sources[j]] : null);
  const safe = (url) => (/^https?:\/\//.test(url || "") ? url : null);
  const linked = (text, url) => (safe(url) ? html("a", { href: safe(url), rel: "noreferrer" }, text) : document.createTextNode(text));

  function options(select, first) {
    if (first) select.append(html("option", { value: "" }, first));
    const groups = new Map();
    data.families.forEach((one, i) => {
      if (first && i === 0) return;
      const key = one.kind === "pooled" ? "" : one.org || "other makers";
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push([one, i]);
    });
    for (const [org, members] of [...groups].sort(([a], [b]) => a.localeCompare(b))) {
      const into = org ? html("optgroup", { label: org }) : select;
      for (const [one, i] of members) into.append(html("option", { value: i }, one.n_models ? `${one.family} (${one.n_models} known)` : one.family));
      if (org) select.append(into);
    }
  }

  function choose(i) {
    const one = data.families[i];
    Object.assign(state, { family: i, n_params: one.n_params, n_active_params: one.n_active_params, n_tokens: one.n_tokens, variant: one.variant, release_date: one.release_date });
    state.compared = state.compared.filter((c) => c !== i);
  }

  const answer = (query) => arithmetic.forecast(data, query, state.level);
  const asFamily = (i) => ({ ...state, family: i, variant: data.families[i].variant, release_date: data.families[i].release_date, scores: null });

  function curve(query) {
    const active = query.n_active_params / query.n_params, low = Math.max(range[0], 16), out = boards.map(() => []);
    for (let i = 0; i < N_CURVE; i++) {
      const train_flop = 10 ** (low + ((range[1] - low) * i) / (N_CURVE - 1)), n_active_params = train_flop / 6 / query.n_tokens;
      if (n_active_params < 5e6 || n_active_params > 5e12) continue;
      answer({ ...query, n_params: n_active_params / active, n_active_params, scores: null }).forEach((row, j) => out[j].push({ ...row, train_flop }));
    }
    return out;
  }

  function rows() {
    const mine = answer(state), others = state.compared.map((i) => answer(asFamily(i)));
    return { mine, others };
  }

  function drawTable({ mine, others }) {
    const head = at("forecasts").tHead, body = at("forecasts").tBodies[0], members = data.models.filter((m) => m.family === family().family);
    const title = html("tr", {}, html("th", { scope: "col" }, "benchmark"), html("th", { scope: "col" }, "forecast"), html("th", { scope: "col" }, `${100 * state.level} % interval`), html("th", { scope: "col", class: "text strip" }, html("span", {}, "0 to 1; blue: known models of the family")));
    state.compared.forEach((i, k) => title.append(html("th", { scope: "col", class: "name", style: `color: ${COLOURS[k]}`, title: data.families[i].family }, name(data.families[i].family))));
    title.append(html("th", { scope: "col", class: "text basis" }, "basis"));
    head.replaceChildren(title);
    body.replaceChildren(...mine.map((row, j) => {
      const benchmark = data.benchmarks[j], label = linked(benchmark.title || benchmark.id, benchmark.url);
      const own = others.map((o) => o[j]), seen = members.map((m) => m.scores[j]).filter((s) => s !== null);
      const out = html("tr", {}, html("th", { scope: "row" }, label), html("td", {}, score(row.forecast)), html("td", {}, `${score(row.lower)} to ${score(row.upper)}`), html("td", { class: "strip" }, charts.strip(row, own, seen, COLOURS)));
      own.forEach((o) => out.append(html("td", { title: `${score(o.lower)} to ${score(o.upper)}` }, score(o.forecast))));
      out.append(html("td", { class: "text basis" }, row.basis));
      return out;
    }));
  }

  function drawCharts({ mine, others }) {
    const own = curve(state), rivals = state.compared.map((i) => [curve(asFamily(i)), asFamily(i)]);
    boards.forEach((board, j) => {
      board.live.replaceChildren();
      rivals.forEach(([lines, query], k) => charts.draw(board, lines[j], { ...others[k][j], train_flop: flop(query) }, COLOURS[k]));
      charts.draw(board, own[j], { ...mine[j], train_flop: flop(state) }, "var(--family)", "var(--forecast)");
      board.caption.textContent = `${score(mine[j].forecast)} [${score(mine[j].lower)}, ${score(mine[j].upper)}]`;
    });
  }

  function drawMembers() {
    const one = family(), members = data.models.map((m, i) => [m, i]).filter(([m]) => m.family === one.family).sort(([a], [b]) => a.n_params - b.n_params);
    boards.forEach((board) => charts.highlight(board, new Set(members.map(([, i]) => i)), state.found));
    at("members-title").replaceChildren(members.length ? "Known models of " : "No known models of ", name(one.family));
    const head = at("members").tHead, body = at("members").tBodies[0];
    const told = data.benchmarks.map((_, j) => j).filter((j) => members.some(([m]) => m.scores[j] !== null));
    head.replaceChildren(...(members.length ? [html("tr", {}, ...["model", "parameters", "tokens", "released", ...told.map((j) => data.benchmarks[j].title || data.benchmarks[j].id)].map((t) => html("th", { scope: "col" }, t)))] : []));
    body.replaceChildren(...members.map(([m]) => html("tr", {}, html("th", { scope: "row", class: "name", title: m.model }, name(m.model)), html("td", {}, m.n_params ? write(m.n_params) : "–"), html("td", {}, m.n_tokens ? write(m.n_tokens) : "–"), html("td", {}, m.release_date || "–"), ...told.map((j) => html("td", {}, m.scores[j] === null ? "–" : linked(score(m.scores[j]), source(m, j)?.url))))));
  }

  function drawControls() {
    at("family").value = state.family;
    const active = state.n_active_params / state.n_params;
    at("size").value = Math.log10(state.n_params); at("tokens").value = Math.log10(state.n_tokens); at("active").value = Math.log10(active);
    for (const [id, value] of [["size-text", state.n_params], ["tokens-text", state.n_tokens], ["active-text", state.n_active_params]])
      if (document.activeElement !== at(id)) { at(id).value = write(value); at(id).removeAttribute("aria-invalid"); }
    at("variant").value = state.variant; at("level").value = String(state.level);
    if (document.activeElement !== at("date")) at("date").value = state.release_date || "";
    const n = state.scores.filter((s) => s !== null).length;
    at("n-known").textContent = n ? `(${n})` : "";
    const one = family();
    at("about-family").replaceChildren(one.kind === "family" ? `${one.n_models} known ${one.n_models === 1 ? "model" : "models"}, ${one.variant}; series ` : one.kind === "base family" ? "another family of the series " : "all families together answer, with wide intervals", ...(one.kind === "pooled" ? [] : [name(one.base_family)]));
    at("compared").replaceChildren(...state.compared.map((i, k) => {
      const cross = html("button", { type: "button", class: "cross", "aria-label": `Remove ${data.families[i].family}` }, "×");
      cross.addEventListener("click", () => { state.compared.splice(k, 1); changed(); at("compare").focus(); });
      return html("li", {}, html("span", { class: "swatch", style: `color: ${COLOURS[k]}` }), name(data.families[i].family), cross);
    }));
  }

  function drawWords({ mine }) {
    const words = { family: "the law of its family", "base family": "other families of its series", pooled: "all families of the panel together", none: "nothing" };
    words["own scores"] = `scores that it already has, and ${words[family().kind]}`;
    at("asked").replaceChildren(name(family().family), `, ${write(state.n_params)} parameters on ${write(state.n_tokens)} tokens: ${flop(state).toExponential(1)} FLOP`);
    at("basis").textContent = `Answered from ${words[mine.find((r) => r.basis !== "none")?.basis || "none"]}. Scores are fractions: 0 to 1.`;
    const known = data.models.map((m) => m.train_flop).filter((f) => f > 0), beyond = known.length && (flop(state) > 10 * Math.max(...known) || flop(state) < Math.min(...known) / 10);
    at("far").textContent = beyond ? "More than a decade of compute outside everything known: nothing was ever checked so far out." : "";
  }

  let due = 0, later = 0, members = -1;
  function paint() {
    due = 0;
    const found = rows();
    drawControls(); drawWords(found); drawTable(found);
    if (!later) later = requestAnimationFrame(() => { later = 0; drawCharts(rows()); }); // numbers first, curves a frame later
    if (members !== state.family || state.found !== paint.found) { drawMembers(); members = state.family; paint.found = state.found; }
  }
  function changed() { if (!due) due = requestAnimationFrame(paint); }

  function csv() {
    const quote = (v) => (/[",\n\r]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
    const head = ["family", "n_params", "n_active_params", "n_tokens", "variant", "release_date", "benchmark", "given", "forecast", "lower", "upper", "level", "basis", "caption"];
    const { mine, others } = rows(), lines = [head];
    [[state, mine], ...state.compared.map((i, k) => [asFamily(i), others[k]])].forEach(([query, answers]) => answers.forEach((row, j) => lines.push([
      data.families[query.family].family, query.n_params, query.n_active_params, query.n_tokens, query.variant, query.release_date || "", row.benchmark,
      query.scores?.[j] ?? "", row.forecast, row.lower, row.upper, state.level, row.basis, data.caption])));
    return lines.map((line) => line.map(quote).join(",")).join("\n") + "\n";
  }

  function search(text) {
    const wanted = text.trim().toLowerCase();
    at("found").textContent = "";
    if (!wanted) { state.found = null; changed(); return; }
    let i = data.models.findIndex((m) => m.model.toLowerCase() === wanted);
    const k = data.families.findIndex((f) => f.family.toLowerCase() === wanted);
    if (i < 0 && k >= 0) { state.found = null; choose(k); changed(); return; }
    if (i < 0) i = data.models.findIndex((m) => m.model.toLowerCase().endsWith(`/${wanted}`));
    if (i < 0) {
      const hits = data.models.filter((m) => m.model.toLowerCase().includes(wanted)).length;
      at("found").textContent = hits ? `${hits} models have this in their name; pick one.` : "No family and no model has this name.";
      return;
    }
    const model = data.models[i];
    state.found = i;
    choose(data.families.findIndex((f) => f.kind === "family" && f.family === model.family));
    Object.assign(state, { n_params: model.n_params ?? state.n_params, n_active_params: model.n_active_params ?? state.n_active_params, n_tokens: model.n_tokens ?? state.n_tokens, release_date: model.release_date, variant: model.variant });
    changed();
  }

  function listen() {
    at("search").addEventListener("change", () => search(at("search").value));
    at("family").addEventListener("change", () => { state.found = null; choose(Number(at("family").value)); changed(); });
    const scale = (n) => { const share = state.n_active_params / state.n_params; state.n_params = n; state.n_active_params = n * share; };
    const setters = { size: scale, tokens: (n) => { state.n_tokens = n; }, active: (n) => { state.n_active_params = Math.min(n, state.n_params); } };
    for (const [id, set] of Object.entries(setters)) {
      at(id).addEventListener("input", () => { const v = 10 ** Number(at(id).value); set(id === "active" ? v * state.n_params : Number(v.toPrecision(3))); changed(); });
      at(`${id}-text`).addEventListener("input", (event) => {
        const v = read(event.target.value);
        event.target.setAttribute("aria-invalid", String(Number.isNaN(v)));
        if (!Number.isNaN(v)) { set(v); changed(); }
      });
      at(`${id}-text`).addEventListener("blur", changed);
    }
    at("variant").addEventListener("change", () => { state.variant = at("variant").value; changed(); });
    at("date").addEventListener("input", () => { state.release_date = at("date").value || null; changed(); });
    at("level").addEventListener("change", () => { state.level = Number(at("level").value); changed(); });
    at("compare").addEventListener("change", () => {
      const i = Number(at("compare").value);
      if (at("compare").value && i !== state.family && !state.compared.includes(i)) state.compared = [...state.compared, i].slice(-COLOURS.length);
      at("compare").value = "";
      changed();
    });
    at("forget").addEventListener("click", () => { state.scores.fill(null); knownRows(); changed(); });
    at("download").addEventListener("click", () => {
      const url = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
      html("a", { href: url, download: "obslaws-forecast.csv" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 1000);
    });
    at("form").addEventListener("submit", (event) => event.preventDefault());
    hover();
  }

  function hover() {
    const tip = at("tip");
    const show = (board, j) => (event) => {
      const dot = charts.nearest(board, event);
      if (!dot) { tip.hidden = true; return; }
      const model = data.models[dot.i];
      const from = source(model, j), told = model.sources ? from?.title || model.sources[j] : null;
      tip.replaceChildren(html("strong", {}, name(model.model)), html("br"), `${data.benchmarks[j].title || data.benchmarks[j].id} ${score(model.scores[j])}; ${model.n_params ? write(model.n_params) : "?"} parameters, ${model.n_tokens ? write(model.n_tokens) : "?"} tokens`, ...(told ? [html("br"), `source: ${told}`] : []));
      tip.hidden = false;
      const box = tip.getBoundingClientRect();
      tip.style.left = `${Math.max(4, Math.min(event.clientX + 12, innerWidth - box.width - 4))}px`;
      tip.style.top = `${event.clientY + 16 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 16}px`;
    };
    boards.forEach((board, j) => ["pointermove", "pointerdown"].forEach((kind) => board.svg.addEventListener(kind, show(board, j))));
    at("charts").addEventListener("pointerleave", () => { tip.hidden = true; });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
    document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
  }

  function knownRows() {
    at("known-rows").replaceChildren(...data.benchmarks.map((benchmark, j) => {
      const label = benchmark.title || benchmark.id;
      const slide = html("input", { type: "range", min: 0, max: 1, step: 0.001, id: `known-${j}`, "data-benchmark": benchmark.id });
      const box = html("input", { inputmode: "decimal", size: 6, placeholder: "unknown", "aria-label": `${label}, score as a fraction` });
      const cross = html("button", { type: "button", class: "cross", "aria-label": `Forget ${label}` }, "×");
      const set = (v) => { state.scores[j] = v; changed(); };
      slide.value = 0.5;
      if (state.scores[j] !== null) { slide.value = state.scores[j]; box.value = state.scores[j]; }
      slide.addEventListener("input", () => { box.value = slide.value; box.removeAttribute("aria-invalid"); set(Number(slide.value)); });
      box.addEventListener("input", () => {
        const v = box.value.trim() === "" ? null : Number(box.value), fine = v === null || (v >= 0 && v <= 1);
        box.setAttribute("aria-invalid", String(!fine));
        if (fine) { if (v !== null) slide.value = v; set(v); }
      });
      cross.addEventListener("click", () => { box.value = ""; slide.value = 0.5; set(null); });
      return html("div", { class: "known" }, html("label", { for: `known-${j}` }, label), slide, box, cross);
    }));
  }

  function start() {
    options(at("family")); options(at("compare"), "add a family …");
    at("names").append(...[...data.families.slice(1).map((f) => f.family), ...data.models.map((m) => m.model)].map((text) => html("option", { value: text })));
    at("charts").append(...boards.map((board, j) => {
      board.caption = html("span");
      return html("figure", {}, html("figcaption", {}, data.benchmarks[j].title || data.benchmarks[j].id, board.caption), board.svg);
    }));
    at("legend").textContent = "Orange: the forecast with its interval. Line and band: its family at these tokens, by size. Blue dots: known models of the family; grey dots: all others. Dotted: guessing. Hover or tap a dot for its name and source.";
    // where to begin: the newest base family with five known models
    const begun = data.families.map((f, i) => [f, i]).filter(([f]) => f.kind === "family" && f.variant === "base" && f.n_models >= 5);
    choose(begun.sort(([a], [b]) => (b.release_date || "").localeCompare(a.release_date || ""))[0]?.[1] ?? Math.min(1, data.families.length - 1));
    knownRows(); listen(); paint();
    document.body.dataset.ready = String(Math.round(performance.now()));
  }

  start();
  return { data, state, read, write, csv, rows, forecast: (query, level) => arithmetic.forecast(data, query, level) };
})();
