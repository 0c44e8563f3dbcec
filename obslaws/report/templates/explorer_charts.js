// Drawing: one small chart per benchmark with every known model, and strips for the table. Text is always text.
const charts = (() => {
  const NS = "http://www.w3.org/2000/svg", WIDTH = 300, HEIGHT = 190, LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 34;

  function node(name, attributes = {}, ...children) {
    const out = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
    out.append(...children);
    return out;
  }

  function html(name, attributes = {}, ...children) {
    const out = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
    out.append(...children);
    return out;
  }

  // names of any language stand by themselves, whatever their direction
  const name = (text) => html("bdi", {}, String(text));

  // the flop axis is the same for all benchmarks, the score axis follows each benchmark's own scores
  function flopRange(models) {
    const known = models.map((m) => m.train_flop).filter((f) => f > 0).map(Math.log10);
    return known.length ? [Math.floor(Math.min(...known)), Math.ceil(Math.max(...known)) + 1] : [18, 27];
  }

  function make(data, j, range) {
    const benchmark = data.benchmarks[j];
    const scores = data.models.map((m) => m.scores[j]).filter((s) => s !== null);
    const floor = benchmark.unit && benchmark.unit !== "fraction" ? 0 : benchmark.score_floor || 0;
    const low = Math.max(0, Math.floor(Math.min(floor, ...scores) * 10) / 10), high = 1; // forecasts of large models may reach it, whatever was measured so far
    const x = (flop) => LEFT + ((Math.log10(flop) - range[0]) / (range[1] - range[0])) * (WIDTH - LEFT - RIGHT);
    const y = (score) => HEIGHT - BOTTOM - ((score - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
    const svg = node("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `${benchmark.title || benchmark.id}: score against training compute` });
    const clip = node("clipPath", { id: `frame-${j}` }, node("rect", { x: LEFT, y: TOP - 4, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM + 8 }));
    svg.append(clip);
    const ticks = high - low > 0.55 ? 0.2 : 0.1;
    for (let v = Math.ceil(low / ticks - 1e-9) * ticks; v <= high + 1e-9; v += ticks) {
      svg.append(node("line", { class: "axis", x1: LEFT, x2: WIDTH - RIGHT, y1: y(v), y2: y(v) }));
      svg.append(node("text", { x: LEFT - 5, y: y(v) + 4, "text-anchor": "end" }, v.toFixed(1)));
    }
    const every = range[1] - range[0] > 6 ? 2 : 1;
    for (let v = range[0]; v <= range[1]; v += every) {
      const tick = node("text", { x: x(10 ** v), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, "10", node("tspan", { dy: -4, "font-size": 8.5 }, String(v)));
      svg.append(node("line", { class: "axis", x1: x(10 ** v), x2: x(10 ** v), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 3 }), tick);
    }
    const middle = (TOP + HEIGHT - BOTTOM) / 2;
    svg.append(node("text", { x: 11, y: middle, transform: `rotate(-90 11 ${middle})`, "text-anchor": "middle" }, `score (${benchmark.unit || "fraction"})`));
    svg.append(node("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 4, "text-anchor": "middle" }, "training compute (FLOP)"));
    if (floor > 0) svg.append(node("line", { class: "guess", x1: LEFT, x2: WIDTH - RIGHT, y1: y(floor), y2: y(floor) }));
    const points = [], live = node("g", { "clip-path": `url(#frame-${j})` }), mine = node("g");
    data.models.forEach((model, i) => {
      if (model.scores[j] !== null && model.train_flop > 0) points.push({ i, x: x(model.train_flop), y: y(model.scores[j]) });
    });
    // one path for all other models: round caps of segments without length are dots, and thousands of them are fast
    const crowd = points.map((p) => `M${p.x.toFixed(1)} ${p.y.toFixed(1)}h0`).join("");
    svg.append(node("path", { class: "crowd", d: crowd }), mine, live);
    return { svg, points, mine, live, x, y };
  }

  // the model whose dot is nearest to a place on the screen, within the reach of a fingertip
  function nearest(board, event) {
    const box = board.svg.getBoundingClientRect(), unit = WIDTH / box.width;
    const px = (event.clientX - box.left) * unit, py = (event.clientY - box.top) * unit;
    let best = null, reach = (event.pointerType === "touch" ? 18 : 8) * unit;
    for (const point of board.points) {
      const away = Math.hypot(point.x - px, point.y - py);
      if (away < reach) { best = point; reach = away; }
    }
    return best;
  }

  function highlight(board, chosen, found) {
    const dots = board.points.filter((p) => p.i === found || chosen.has(p.i));
    board.mine.replaceChildren(...dots.map((p) => node("circle", { class: p.i === found ? "dot found" : "dot", cx: p.x.toFixed(1), cy: p.y.toFixed(1), r: 3.6 })));
  }

  const path = (points) => points.map(([a, b], i) => `${i ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join("");

  // one family: band, curve, and the forecast with its interval
  function draw(chart, curve, point, colour, shape) {
    const { x, y, live } = chart, fx = x(point.train_flop);
    const up = curve.map((c) => [x(c.train_flop), y(c.upper)]), down = curve.map((c) => [x(c.train_flop), y(c.lower)]).reverse();
    live.append(node("path", { d: `${path([...up, ...down])}Z`, fill: colour, "fill-opacity": 0.15 }));
    live.append(node("path", { d: path(curve.map((c) => [x(c.train_flop), y(c.forecast)])), fill: "none", stroke: colour, "stroke-width": 1.8 }));
    const mark = shape || colour;
    live.append(node("line", { x1: fx, x2: fx, y1: y(point.lower), y2: y(point.upper), stroke: mark, "stroke-width": 2 }));
    for (const v of [point.lower, point.upper]) live.append(node("line", { x1: fx - 4, x2: fx + 4, y1: y(v), y2: y(v), stroke: mark, "stroke-width": 2 }));
    const d = 5, fy = y(point.forecast);
    live.append(node("path", { d: `M${fx} ${fy - d}L${fx + d} ${fy}L${fx} ${fy + d}L${fx - d} ${fy}Z`, fill: mark, stroke: "var(--ground)" }));
  }

  // a strip from 0 to 1 with the interval, the forecast and what the family's known models score
  function strip(row, others, members, colours) {
    const svg = node("svg", { viewBox: "0 0 100 22", preserveAspectRatio: "none", role: "img", "aria-label": `${row.forecast.toFixed(3)}, interval ${row.lower.toFixed(3)} to ${row.upper.toFixed(3)}` });
    const line = (a, b, y, colour, width, extra = {}) => node("line", { x1: 100 * a, x2: 100 * b, y1: y, y2: y, stroke: colour, "stroke-width": width, "vector-effect": "non-scaling-stroke", "stroke-linecap": "round", ...extra });
    svg.append(line(0, 1, 11, "var(--line)", 2));
    members.forEach((s) => svg.append(line(s, s, 11, "var(--family)", 6, { "stroke-opacity": 0.55 })));
    svg.append(line(row.lower, row.upper, 11, "var(--forecast)", 3), line(row.forecast, row.forecast, 11, "var(--forecast)", 10));
    others.forEach((o, i) => svg.append(line(o.lower, o.upper, 11 + 4 * (i + 1), colours[i], 2), line(o.forecast, o.forecast, 11 + 4 * (i + 1), colours[i], 5)));
    return svg;
  }

  return { node, html, name, make, nearest, highlight, draw, strip, flopRange };
})();
