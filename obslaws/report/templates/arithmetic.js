// The forecasts of the fitted model, from the numbers that obslaws.report.explorer exports. No page, no state.
"use strict";
const arithmetic = (() => {
  // nodes of the logits in posterior standard deviations, with their weights, come with the data: the library's own
  const DAY = 86400000;

  function unpack(packed) {
    const text = atob(packed.words), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const view = new DataView(bytes.buffer), out = new Float64Array(bytes.length / 4);
    for (let i = 0; i < out.length; i++) out[i] = view.getInt32(4 * i, true) * packed.scale;
    return out;
  }

  // the numbers of one fit for one kind of relatives, unpacked when first asked for
  function part(data, k, family) {
    const fit = data.fits[k];
    fit.cache = fit.cache || new Map();
    if (!fit.unpacked) fit.unpacked = unpack(fit.square);
    if (!fit.cache.has(family)) fit.cache.set(family, unpack(fit.cov[family]));
    return { fit, cov: fit.cache.get(family), square: fit.unpacked, level: fit.level[family] };
  }

  // Gaussian elimination with pivots; columns of b are solved together. Both are overwritten.
  function solve(a, b) {
    const n = a.length, width = b[0] ? b[0].length : 0;
    for (let c = 0; c < n; c++) {
      let best = c;
      for (let r = c + 1; r < n; r++) if (Math.abs(a[r][c]) > Math.abs(a[best][c])) best = r;
      [a[c], a[best]] = [a[best], a[c]];
      [b[c], b[best]] = [b[best], b[c]];
      for (let r = 0; r < n; r++) {
        const f = a[r][c] / a[c][c];
        if (r === c || f === 0) continue;
        for (let j = c; j < n; j++) a[r][j] -= f * a[c][j];
        for (let j = 0; j < width; j++) b[r][j] -= f * b[c][j];
      }
    }
    return b.map((row, r) => row.map((v) => v / a[r][r]));
  }

  // standardised covariates with the covariance of what is not known
  function covariates(scale, siblings, family, query) {
    const active = query.n_active_params ?? query.n_params;
    const years = query.release_date ? Math.round((Date.parse(query.release_date) - Date.UTC(2023, 0, 1)) / DAY) / 365.25 : NaN;
    const chat = query.variant === "unknown" ? NaN : query.variant === "base" ? 0 : 1;
    // the smallest known sibling as a share of the model; of a family without any, what is usual
    const smallest = siblings.smallest[query.family];
    const share = Number.isFinite(active) ? (smallest === null ? siblings.usual ?? NaN : Math.min(smallest / active, 1)) : NaN;
    const raw = [Math.log(active), Math.log(query.n_tokens), Math.log(query.n_params) - Math.log(active), chat, years, share, ...family.made_for];
    const width = raw.length;
    const z = raw.map((v, i) => (scale.used[i] ? (v - scale.centre[i]) / scale.scale[i] : 0));
    const missing = [], seen = [];
    z.forEach((v, i) => (Number.isFinite(v) ? seen : missing).push(i));
    const cov = raw.map(() => new Array(width).fill(0));
    if (missing.length) {
      const right = seen.map((s) => missing.map((m) => scale.cov[s][m]));
      const gain = seen.length ? solve(seen.map((s) => seen.map((t) => scale.cov[s][t])), right) : [];
      missing.forEach((m, j) => {
        z[m] = seen.reduce((sum, s, i) => sum + z[s] * gain[i][j], 0);
        missing.forEach((o, l) => {
          cov[m][o] = scale.cov[m][o] - seen.reduce((sum, s, i) => sum + scale.cov[m][s] * gain[i][l], 0);
        });
      });
    }
    const product = (z[0] * z[1] + cov[0][1] - scale.product_centre) / scale.product_scale;
    const by = raw.map((_, i) => (i === 0 ? z[1] : i === 1 ? z[0] : 0) / scale.product_scale);
    const lift = cov.map((row) => row.reduce((sum, v, i) => sum + v * by[i], 0));
    const full = cov.map((row, i) => [...row, lift[i]]);
    full.push([...lift, lift.reduce((sum, v, i) => sum + v * by[i], 0)]);
    const kept = [...z, product].map((_, i) => i).filter((i) => scale.used[i]);
    const all = [...z, product];
    return { x: kept.map((i) => all[i]), cov: kept.map((i) => kept.map((j) => full[i][j])) };
  }

  // what siblings of a size near the model's own add to its logits, as obslaws.skill.neighbours
  function carried(data, k, query) {
    const { sizes, range } = data.siblings, pulls = (data.fits[k].pulls || [])[query.family]; // none of a large panel
    const size = Math.log2(query.n_active_params ?? query.n_params);
    const out = new Array(data.benchmarks.length).fill(0);
    if (!Number.isFinite(size)) return out;
    sizes[query.family].forEach((other, s) => {
      const scaled = (Math.sqrt(3) / range) * Math.abs(size - other), close = (1 + scaled) * Math.exp(-scaled);
      pulls[s].forEach((v, j) => (out[j] += close * v));
    });
    return out;
  }

  // the same of a fit to a large panel, from its parts: skills, and beside them each benchmark by itself
  const PACKED = ["effect", "spread", "own", "own_var"];
  function assembled(fit, family, { x, cov: unknown }) {
    if (!fit.unpacked) fit.unpacked = Object.fromEntries(PACKED.map((name) => [name, unpack(fit[name])]));
    const { effect, spread, own, own_var: ownVar } = fit.unpacked, { slopes, slopes_cov: moving, loadings, items_cov: items } = fit;
    const J = loadings.length, d = loadings[0].length, p = x.length;
    const skills = [], vary = [];
    for (let a = 0; a < d; a++) {
      skills.push(x.reduce((sum, v, i) => sum + v * slopes[i][a], effect[family * d + a]));
      vary.push([]);
      for (let b = 0; b < d; b++) {
        let v = spread[(family * d + a) * d + b];
        for (let i = 0; i < p; i++)
          for (let j = 0; j < p; j++) v += x[i] * x[j] * moving[i * d + a][j * d + b] + slopes[i][a] * unknown[i][j] * slopes[j][b];
        vary[a].push(v);
      }
    }
    const ones = [1, ...skills], mean = [...fit.intercepts], beside = [...fit.own_prior], base = fit.base[family];
    if (base >= 0)
      for (let i = fit.own_bounds[base]; i < fit.own_bounds[base + 1]; i++) {
        mean[fit.own_benchmark[i]] += own[i];
        beside[fit.own_benchmark[i]] = ownVar[i];
      }
    const cov = new Float64Array((J * (J + 1)) / 2);
    for (let j = 0, q = 0; j < J; j++) {
      for (let a = 0, i = 0; a <= d; a++) for (let b = a; b <= d; b++, i++) beside[j] += (a === b ? 1 : 2) * ones[a] * ones[b] * items[j][i];
      const along = vary.map((row) => row.reduce((sum, v, b) => sum + v * loadings[j][b], 0));
      loadings[j].forEach((v, a) => (mean[j] += v * skills[a]));
      cov[q] = beside[j];
      for (let l = j; l < J; l++, q++) for (let a = 0; a < d; a++) cov[q] += along[a] * loadings[l][a];
    }
    return { mean, cov };
  }

  // mean and covariance (upper triangle, row by row) of the logits
  function moments(data, k, family, at) {
    if (data.fits[k].loadings) return assembled(data.fits[k], family, at);
    const { fit, cov, square, level } = part(data, k, family), { x, cov: unknown } = at;
    const J = level.length, p = x.length, size = (J * (J + 1)) / 2;
    const mean = level.map((v, j) => v + fit.slope[j].reduce((sum, s, a) => sum + s * x[a], 0));
    const out = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      let v = cov[i];
      for (let a = 0; a < p; a++) v += x[a] * cov[(a + 1) * size + i];
      let q = i;
      for (let a = 0; a < p; a++) for (let b = a; b < p; b++, q += size) v += x[a] * x[b] * square[q];
      out[i] = v;
    }
    if (unknown.some((row) => row.some((v) => v !== 0))) {
      const wide = fit.slope.map((row) => unknown.map((u) => u.reduce((sum, v, a) => sum + v * row[a], 0)));
      for (let i = 0, q = 0; i < J; i++)
        for (let j = i; j < J; j++, q++) out[q] += wide[i].reduce((sum, v, a) => sum + v * fit.slope[j][a], 0);
    }
    return { mean, cov: out };
  }

  const logistic = (v) => (v >= 0 ? 1 / (1 + Math.exp(-v)) : Math.exp(v) / (1 + Math.exp(v)));
  const clip = (v, low, high) => Math.min(Math.max(v, low), high);

  // scores already known move the logits: Gauss-Newton with Student-t weights, as obslaws.skill.posterior.condition
  function condition(data, k, prior, scores) {
    const fit = data.fits[k], J = prior.mean.length, dof = data.dof;
    const at = scores.map((s, j) => (s === null ? -1 : j)).filter((j) => j >= 0);
    const full = prior.mean.map(() => new Array(J));
    for (let i = 0, q = 0; i < J; i++) for (let j = i; j < J; j++, q++) full[i][j] = full[j][i] = prior.cov[q];
    const against = (noise, right) => solve(at.map((r, i) => at.map((c, l) => full[r][c] + (i === l ? noise[i] : 0))), right);
    const fisher = (dof + 1) / (dof + 3);
    let logit = at.map((j) => prior.mean[j]), pull, worth;
    for (let round = 0; round < 30; round++) {
      const gap = [], noise = [];
      worth = [];
      at.forEach((j, i) => {
        const share = logistic(logit[i]), lift = (fit.ceiling[j] - fit.floor[j]) * share;
        const expected = fit.floor[j] + lift, p = clip(expected, 0.01, 0.99), residual = scores[j] - expected;
        const slope = Math.max(lift * (1 - share), 1e-4), variance = fit.told_noise[j] + (p * (1 - p)) / (data.n_items[j] ?? Infinity);
        const robust = (dof + 1) / (dof + (residual * residual) / variance);
        gap[i] = logit[i] + residual / slope - prior.mean[j];
        noise[i] = variance / robust / slope ** 2;
        worth[i] = variance / (Math.min(robust, 1) * fisher) / slope ** 2;
      });
      pull = against(noise, gap.map((v) => [v]));
      const step = at.map((j, i) => clip(prior.mean[j] + at.reduce((sum, l, n) => sum + full[j][l] * pull[n][0], 0) - logit[i], -2, 2));
      logit = logit.map((v, i) => v + step[i]);
      if (Math.max(...step.map(Math.abs)) < 1e-8) break;
    }
    const mean = prior.mean.map((v, j) => v + at.reduce((sum, r, i) => sum + full[r][j] * pull[i][0], 0));
    const gain = against(worth, at.map((r) => full[r].slice())); // |at| x J
    const sd = mean.map((_, j) => spread(full[j][j] - at.reduce((sum, r, i) => sum + gain[i][j] * full[r][j], 0)));
    return { mean, sd };
  }

  const spread = (v) => Math.sqrt(Math.max(v, 1e-12));

  // Student-t distribution function and density, exact for an even number of degrees of freedom
  function student(dof) {
    const terms = [1];
    for (let i = 2; i < dof; i += 2) terms.push((terms[terms.length - 1] * (i - 1)) / i);
    const peak = terms.reduce((sum, v) => sum + v, 0) / (2 * Math.sqrt(dof));
    return (t, out) => {
      const c2 = dof / (dof + t * t);
      let sum = 0, power = 1;
      for (const v of terms) { sum += v * power; power *= c2; }
      out.below = 0.5 * (1 + (t / Math.sqrt(dof + t * t)) * sum);
      out.density = peak * Math.pow(c2, (dof + 1) / 2);
    };
  }

  // point and quantiles of one benchmark: logistic between floor and ceiling plus Student-t noise, fits averaged
  function distribution(data, j, parts, stretch) {
    const nodes = data.nodes, expected = [], scale = [], weight = [];
    let point = 0, low = Infinity, high = -Infinity;
    parts.forEach(({ mean, sd }, k) => {
      const fit = data.fits[k], room = fit.ceiling[j] - fit.floor[j];
      point += fit.weight * (fit.floor[j] + room * logistic(mean[j]));
      for (let n = 0; n < nodes.length; n++) {
        const e = fit.floor[j] + room * logistic(mean[j] + stretch * sd[j] * nodes[n]), p = clip(e, 0.01, 0.99);
        const s = Math.sqrt(fit.noise[j] + (p * (1 - p)) / (data.n_items[j] ?? Infinity)) * stretch;
        expected.push(e); scale.push(s); weight.push(fit.weight * data.node_weights[n]);
        low = Math.min(low, e - 12 * s); high = Math.max(high, e + 12 * s);
      }
    });
    point = clip(point, 0, 1);
    const t = (data.student = data.student || student(data.dof)), one = { below: 0, density: 0 };
    const quantile = (share) => {
      let a = low, b = high, v = point;
      for (let round = 0; round < 80; round++) {
        let below = 0, density = 0;
        for (let i = 0; i < expected.length; i++) {
          t((v - expected[i]) / scale[i], one);
          below += weight[i] * one.below; density += (weight[i] * one.density) / scale[i];
        }
        if (below < share) a = v; else b = v;
        let next = v - (below - share) / density;
        if (!(next > a && next < b)) next = 0.5 * (a + b);
        const step = Math.abs(next - v);
        v = next;
        if (step < 1e-10 || b - a < 1e-10) break;
      }
      v = clip(v, 0, 1);
      return share <= 0.5 ? Math.min(v, point) : Math.max(v, point);
    };
    return { point, quantile };
  }

  // how far beyond the data a query lies: years, decades of FLOP; 0 within
  function leads(beyond, query) {
    const flop = 6 * (query.n_active_params ?? query.n_params) * query.n_tokens;
    const later = beyond.last_day !== null && query.release_date && query.release_date > beyond.last_day;
    const larger = beyond.most_flop !== null && flop > beyond.most_flop * (1 + 1e-9);
    return {
      years: later ? (Date.parse(query.release_date) - Date.parse(beyond.last_day)) / (864e5 * 365.25) : 0,
      decades: larger ? Math.log10(flop / beyond.most_flop) : 0,
    };
  }

  // by benchmark, whether scored siblings are smaller than the model and others larger, by more than rounding
  function enclosed(data, query) {
    const sizes = data.siblings.sizes[query.family], seen = data.siblings.seen[query.family];
    const size = Math.log2(query.n_active_params ?? query.n_params);
    const on = (aside) => new Set(seen.flatMap((some, s) => (aside(sizes[s]) ? some : [])));
    const smaller = on((other) => other < size - 1e-6), larger = on((other) => other > size + 1e-6);
    return data.benchmarks.map((_, j) => smaller.has(j) && larger.has(j));
  }

  // both have factors of their own, beyond the data growing with the distance; each by the count of scores told
  const by = (values, told) => values[Math.min(told, values.length - 1)];
  function stretched(beyond, { years, decades }, family, told, between) {
    const grown = (factors, lead) => (lead > 0 ? by(factors, told) * Math.sqrt(1 + beyond.growth * lead) : 0);
    if (!years && !decades) return by(between ? family.stretch.between : family.stretch.within, told);
    return Math.max(grown(family.stretch.day, years), grown(family.stretch.flop, decades));
  }

  // newer models are mostly better than all that is known has it: standard deviations by which forecasts fell short
  const lag = (beyond, years, told) => by(beyond.lag, told) * Math.min(years, by(beyond.furthest, told));

  // query: {family (index), n_params, n_active_params, n_tokens, variant, release_date, scores: [J] of number or null}
  function forecast(data, query, level) {
    const J = data.benchmarks.length, family = data.families[query.family];
    const at = covariates(data.scale, data.siblings, family, query);
    const scores = query.scores || new Array(J).fill(null), own = scores.some((s) => s !== null);
    const parts = data.fits.map((_, k) => {
      const prior = moments(data, k, query.family, at), near = carried(data, k, query);
      prior.mean = prior.mean.map((v, j) => v + near[j]);
      if (own) return condition(data, k, prior, scores);
      const sd = [];
      for (let i = 0, q = 0; i < J; q += J - i, i++) sd.push(spread(prior.cov[q]));
      return { mean: prior.mean, sd };
    });
    const told = scores.filter((s) => s !== null).length, lead = leads(data.beyond, query);
    const ahead = lag(data.beyond, lead.years, told);
    if (ahead) for (const part of parts) part.mean = part.mean.map((v, j) => v + ahead * part.sd[j]);
    const between = enclosed(data, query);
    return data.benchmarks.map((benchmark, j) => {
      const stretch = stretched(data.beyond, lead, family, told, between[j]);
      const { point, quantile } = distribution(data, j, parts, stretch);
      const heard = benchmark.n_scores > 0 || scores[j] !== null;
      return {
        benchmark: benchmark.id, forecast: point, lower: quantile((1 - level) / 2), upper: quantile((1 + level) / 2),
        basis: !heard ? "none" : own ? "own scores" : family.kind,
      };
    });
  }

  return { forecast, covariates };
})();
