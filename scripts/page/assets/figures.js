"use strict";
// Draws the points behind each figure, which are those of its CSV: what is seen is what is downloaded.
const data = JSON.parse(document.getElementById("data").textContent);
const files = JSON.parse(document.getElementById("files").textContent);
const state = { hidden: new Set(), x: "log", y: "log" };

const dark = () => document.documentElement.dataset.theme === "dark";
const tone = (both) => both[dark() ? "dark" : "light"];
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const percent = (value) => `${d3.format(value < 9.95 ? ".2r" : ".0f")(value)} %`;
const short = (value) => String(+value.toPrecision(3)).replace("-", "−");

// Round numbers on a logarithmic axis, about as many as asked for.
function logTicks([low, high], count) {
  const decades = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
  for (const steps of [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const ticks = decades.flatMap((decade) => steps.map((step) => +`${step}e${decade}`)).filter((tick) => tick >= low && tick <= high);
    if (ticks.length <= count) return ticks;
  }
  return decades.map((decade) => +`1e${decade}`).filter((tick, place) => place % 2 === 0);
}
const axis = (kind, domain, count) => ({ type: kind, domain, ticks: kind === "log" ? logTicks(domain, count) : count, tickFormat: short });

async function unpack(name) {
  const packed = files[name];
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Blob([await new Response(stream).arrayBuffer()], { type: packed.type });
}

const read = new Map(); // name of a figure -> its points

async function pointsOf(name) {
  if (!read.has(name)) {
    const text = await (await unpack(`${name}.csv`)).text();
    const [columns, ...rows] = d3.csvParseRows(text); // csvParse would need code made of text, which the page forbids
    read.set(name, rows.map((values) => {
      const row = Object.fromEntries(columns.map((column, place) => [column, values[place]]));
      for (const column of ["x", "y", "low", "high", "size"]) row[column] = row[column] === "" ? null : +row[column];
      row.key = [row.family, row.dataset, row.recipe, row.leg].join("\u0000");
      row.line = [row.series, row.size, row.seed].join("\u0000");
      return row;
    }));
  }
  return read.get(name);
}

function make(tag, parent, attributes = {}, text = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

// One plot with the page's looks; what is pointed at stays, other lines fade.
function plot(label, options) {
  const drawn = Plot.plot({ className: "plot", ariaLabel: label, ...options });
  drawn.setAttribute("role", "img");
  // The image has one label; the library also labels the groups in it, which have no role that may be labelled.
  for (const part of drawn.querySelectorAll("[aria-label]")) {
    part.dataset.part = part.getAttribute("aria-label");
    part.removeAttribute("aria-label");
  }
  drawn.addEventListener("input", () => {
    const at = drawn.value;
    const lines = drawn.querySelectorAll("g[data-part=line] path");
    for (const path of lines) {
      const first = path.__data__ && path.__data__[0];
      path.classList.toggle("dimmed", Boolean(at) && Array.isArray(path.__of) && path.__of[first] !== at.line);
    }
  });
  return drawn;
}

function lines(rows, options) {
  const of = rows.map((row) => row.line);
  return Plot.line(rows, {
    x: "x", y: "y", z: "line", ...options,
    render(index, scales, values, dimensions, context, next) {
      const group = next(index, scales, values, dimensions, context);
      for (const path of group.querySelectorAll("path")) path.__of = of;
      return group;
    },
  });
}

const whose = (row, group) => {
  const shade = group.shades.find((one) => one.size === row.size);
  const size = row.size === null ? "" : `${(shade && shade.rung) || row.rung || ""} (${shade ? shade.label : row.size} parameters)`;
  const seed = row.seed ? `, seed ${row.seed}` : "";
  return `${group.name} on ${row.dataset}\n${row.series}${size ? `, ${size.trim()}` : ""}${seed}\nx = ${short(row.x)}, y = ${short(row.y)}`;
};

const PANELS = { raw: "drawn as trained", collapsed: "rescaled", residual: "compared" };
const FADED = new Set(["noise band", "own band", "margin"]);
const isCurve = (row) => !row.series.startsWith("unrelated") && !FADED.has(row.series);

function panel(name, group, rows, domain) {
  const color = new Map(group.shades.map((one) => [one.size, tone(one)]));
  const stroke = (row) => color.get(row.size) || css("--ink");
  const of = (...series) => rows.filter((row) => series.includes(row.series));
  const curves = rows.filter(isCurve);
  const residual = name === "residual";
  const positive = curves.every((row) => row.y > 0);
  const logarithmic = !residual && state.y === "log" && positive && group.logs[name];
  const wide = residual && d3.max(domain.y.map(Math.abs)) > 10 && state.y === "log";
  const y = axis(logarithmic ? "log" : "linear", domain.y, 5);
  if (wide) Object.assign(y, { type: "symlog", constant: 3, ticks: [-100, -30, -10, -3, 0, 3, 10, 30, 100].filter((tick) => Math.abs(tick) <= domain.y[1]) });
  const marks = [];
  if (group.silent !== null && name !== "raw") marks.push(Plot.rectX([group.silent], { x1: (d) => d, x2: domain.x[1], fill: css("--noise"), fillOpacity: 0.35 }));
  marks.push(lines(rows.filter((row) => row.series.startsWith("unrelated")), { stroke: css("--fan"), strokeWidth: 0.8 }));
  marks.push(Plot.areaY(of("noise band"), { x: "x", y1: "low", y2: "high", fill: css("--noise") }));
  if (residual) marks.push(Plot.ruleY([0], { stroke: css("--faint"), strokeWidth: 0.5 }));
  marks.push(lines(of("trial", "seed"), { stroke, strokeWidth: 0.8, strokeOpacity: name === "collapsed" ? 0.45 : 0.85 }));
  marks.push(lines(of("censored trial"), { stroke, strokeWidth: 1.2, strokeDasharray: "4 2" }));
  marks.push(lines(of("rung mean", "single run", "deviation"), { stroke, strokeWidth: 1.8 }));
  for (const edge of [-1, 1]) {
    const band = of("own band").filter((row) => Math.sign(row.y) === edge); // its two edges are two lines
    marks.push(Plot.line(band, { x: "x", y: "y", z: "size", stroke, strokeWidth: 0.6, strokeDasharray: "4 2" }));
  }
  if (of("margin").length) marks.push(Plot.ruleY([-1, 1], { stroke: css("--ink"), strokeDasharray: "1.5 2" }));
  marks.push(Plot.tip(curves, Plot.pointer({ x: "x", y: "y", title: (row) => whose(row, group), fill: css("--ground"), stroke: css("--rule") })));
  return plot(`${group.name}, ${PANELS[name]}: ${group.labels[name]} against x`, {
    width: 320, height: residual ? 190 : 220, marginLeft: 46, marginRight: 8, marginBottom: 30, marginTop: 8, clip: true,
    x: { ...axis(state.x, domain.x, 5), label: "fraction of training x" },
    y: { ...y, label: null, grid: true },
    marks: [Plot.frame({ stroke: css("--rule") }), ...marks],
  });
}

// Panels of one kind have equal axes, and an outlier's seeds may not flatten the others.
function domains(rows, groups, logs) {
  const found = new Map();
  for (const name of Object.keys(PANELS)) {
    for (const group of groups) {
      const kind = `${name}\u0000${group.labels[name]}`;
      const own = rows.filter((row) => row.panel === name && row.key === group.id && isCurve(row));
      const before = found.get(kind) || [];
      found.set(kind, before.concat(own));
    }
  }
  for (const [kind, own] of found) {
    let [low, high] = d3.extent(own, (row) => row.y);
    if (kind.startsWith("residual")) {
      const reach = 1.1 * Math.max(1.4, Math.abs(low || 0), Math.abs(high || 0));
      [low, high] = [-reach, reach];
    } else if (!(logs && low > 0)) {
      const pad = 0.05 * (high - low || 1);
      [low, high] = [low - pad, high + pad];
    } else {
      [low, high] = [low / 1.05, high * 1.05];
    }
    const x = own.filter((row) => state.x === "linear" || row.x > 0);
    found.set(kind, { x: d3.extent(x, (row) => row.x), y: [low, high] });
  }
  return found;
}

function drawCurves(figure, groups, rows, into) {
  const keys = new Set(rows.map((row) => row.key));
  const shown = groups.filter((group) => keys.has(group.id) && !state.hidden.has(group.family));
  const limits = domains(rows, shown, state.y === "log");
  const panels = Object.keys(PANELS).filter((name) => rows.some((row) => row.panel === name));
  const grid = make("div", into, { class: "columns level" });
  for (const group of shown) {
    const column = make("div", grid, { class: "column", style: `grid-row: span ${3 + 2 * panels.length}` });
    const heading = make("h4", column);
    heading.append(symbol(group.family), ` ${group.name}${figure.kind === "summary" ? ` on ${group.key[1]}` : ""}`);
    const verdict = make("p", column);
    make("span", verdict, { class: `chip ${group.verdict}` }, group.verdict);
    if (group.control) verdict.append(group.control === "holds" ? " must collapse" : " must not collapse");
    const sizes = make("ul", column, { class: "sizes", "aria-label": "Parameters of the model sizes" });
    for (const one of group.shades) {
      const item = make("li", sizes);
      make("i", item, { style: `background:${tone(one)}` });
      item.append(one.label);
    }
    for (const name of panels) {
      const own = rows.filter((row) => row.key === group.id && row.panel === name);
      make("p", column, { class: "panel-name" }, own.length ? group.labels[name] : `not ${PANELS[name]}: the card below says why`);
      if (own.length) column.append(panel(name, group, own, limits.get(`${name}\u0000${group.labels[name]}`)));
      else make("span", column);
    }
  }
  if (!shown.length) make("p", into, { class: "small" }, "All families of this figure are hidden.");
}

// Rows of a value with its interval; what belongs to the same row has the same place.
function forest(label, rows, options) {
  const step = 38;
  const width = options.width || 640;
  const values = rows.flatMap((row) => [row.y, row.low, row.high, row.margin, row.unrelated]).filter((value) => value !== null && value !== undefined && (!options.log || value > 0));
  const [low, high] = d3.extent(values);
  const pad = options.log ? 1.25 : 0.06 * (high - low || 1);
  const domain = options.log ? [low / pad, high * pad] : [low - pad, high + pad];
  const clamp = (value) => (value === null || (options.log && value <= domain[0]) ? domain[0] : value);
  const color = (row) => tone(data.families[row.family]);
  const place = (row, index) => index;
  const hidden = rows.filter((row) => row.y !== null);
  return plot(label, {
    width, style: { maxWidth: `${1.25 * width}px` }, height: step * rows.length + 50,
    marginLeft: 10, marginRight: 20, marginTop: 8, marginBottom: 36,
    x: { ...axis(options.log ? "log" : "linear", domain, width / 80), label: options.x, labelArrow: "none", grid: true },
    y: { domain: d3.range(rows.length), type: "band", axis: null },
    marks: [
      Plot.text(rows, { x: domain[0], y: place, text: "label", textAnchor: "start", dy: -11, fontSize: 10.5, fontWeight: 600, fill: color }),
      Plot.tickX(rows.filter((row) => row.margin), { x: "margin", y: (row) => rows.indexOf(row), stroke: css("--ink"), strokeDasharray: "2 2", insetTop: 14 }),
      Plot.tickX(rows.filter((row) => row.unrelated), { x: "unrelated", y: (row) => rows.indexOf(row), stroke: css("--fan"), strokeWidth: 3, insetTop: 16, insetBottom: 6 }),
      Plot.link(hidden, { x1: (row) => clamp(row.low), x2: (row) => (row.high === null ? row.y : row.high), y1: (row) => rows.indexOf(row), y2: (row) => rows.indexOf(row), stroke: color, strokeWidth: 2, dy: 6 }),
      Plot.dot(hidden, { x: (row) => clamp(row.y), y: (row) => rows.indexOf(row), symbol: (row) => SHAPES[data.families[row.family].symbol], fill: color, stroke: css("--ground"), r: 5, dy: 6 }),
      Plot.tip(hidden, Plot.pointerY({ x: (row) => clamp(row.y), y: (row) => rows.indexOf(row), title: (row) => `${row.label}\n${options.say(row)}`, fill: css("--ground"), stroke: css("--rule") })),
    ],
    symbol: { type: "identity" }, color: { type: "identity" },
  });
}

const labelOf = (group) => `${group.name} on ${group.key[1]}${group.control ? (group.control === "holds" ? ", must collapse" : ", must not collapse") : ""}`;
const between = (row, write) => `${write(row.y)}${row.low === null || row.high === null ? "" : ` [${write(row.low)}, ${write(row.high)}]`}`;

function drawDeviations(figure, groups, rows, into) {
  const named = new Map(groups.map((group) => [group.id, group]));
  const extra = (row, series) => {
    const found = rows.find((one) => one.series === series && one.key === row.key && one.x === row.x);
    return found ? found.y : null;
  };
  const own = rows.filter((row) => row.series === "deviation" && !state.hidden.has(row.family)).map((row) => {
    const group = named.get(row.key);
    return { ...row, label: labelOf(group), margin: extra(row, "margin"), unrelated: extra(row, "unrelated") };
  });
  if (!own.length) return void make("p", into, { class: "small" }, "All families of this figure are hidden.");
  into.append(forest("Deviation of every ladder with its 95 % bounds", own, { width: innerWidth < 640 ? 340 : 700, log: state.x === "log", x: "largest deviation of a model size from the mean of all sizes (%)", say: (row) => between(row, percent) }));
  make("p", into, { class: "small" }, "Whiskers: 95 % bounds. Dashed: margin. Grey: unrelated curves.");
}

function drawAcross(figure, groups, rows, into) {
  for (const [dataset, all] of d3.group(rows, (row) => `${row.dataset} (${row.leg} rate)`)) {
    const seen = all.filter((row) => !state.hidden.has(row.family));
    make("h4", into, {}, dataset);
    const both = make("div", into, { class: "columns pair" });
    const curves = seen.filter((row) => row.series.startsWith("difference"));
    const group = (row) => ({ name: row.family, shades: [] });
    const color = (row) => tone(data.families[row.family]);
    if (curves.length) {
      for (const row of curves) row.line = `${row.series}\u0000${row.family}\u0000${row.recipe}`;
      const left = make("div", both);
      make("p", left, { class: "panel-name" }, "difference from the others (%), thick where the band excludes 0");
      left.append(plot(`Differences along x on ${dataset}`, {
        width: 420, height: 240, marginLeft: 40, marginBottom: 30, marginTop: 8,
        x: { ...axis(state.x, d3.extent(curves, (row) => row.x), 5), label: "fraction of training x" },
        y: { label: null, tickFormat: short, grid: true, ticks: 5 }, color: { type: "identity" },
        marks: [
          Plot.ruleY([0], { stroke: css("--faint") }),
          lines(curves.filter((row) => row.series === "difference"), { stroke: color, strokeWidth: 1.2 }),
          lines(curves.filter((row) => row.series !== "difference"), { stroke: color, strokeWidth: 3.5, strokeOpacity: 0.6 }),
          Plot.tip(curves, Plot.pointer({ x: "x", y: "y", title: (row) => whose({ ...row, size: null }, group(row)), fill: css("--ground"), stroke: css("--rule") })),
        ],
      }));
    }
    const margin = new Map(seen.filter((row) => row.series === "margin").map((row) => [row.x, row.y]));
    const own = seen.filter((row) => row.series === "deviation").map((row) => ({ ...row, label: row.family, margin: margin.get(row.x) ?? null, unrelated: null }));
    if (own.length) {
      const right = make("div", both);
      make("p", right, { class: "panel-name" }, "largest difference (%) with its 95 % interval; dashed: margin");
      right.append(forest(`Largest differences on ${dataset}`, own, { width: 340, log: state.x === "log", x: null, say: (row) => between(row, percent) }));
    }
  }
}

function drawOnset(figure, groups, rows, into) {
  const grid = make("div", into, { class: "columns" });
  for (const [key, all] of d3.group(rows, (row) => `${row.family}\u0000${row.dataset}\u0000${row.recipe}`)) {
    const group = groups.find((one) => one.key.slice(0, 3).join("\u0000") === key);
    if (state.hidden.has(all[0].family)) continue;
    const column = make("div", grid, { class: "column" });
    const heading = make("h4", column);
    heading.append(symbol(all[0].family), ` ${labelOf(group)}`);
    const bars = all.filter((row) => row.panel === "onset");
    const margin = 100 * group.margin;
    const color = tone(data.families[all[0].family]);
    if (bars.length) {
      make("p", column, { class: "panel-name" }, "deviation (%) of the ladder from this size on; filled: within the margin");
      const [low, high] = d3.extent(bars, (row) => row.size);
      column.append(plot(`Deviation of the ladder from each size on, ${all[0].family} on ${all[0].dataset}`, {
        width: 320, height: 190, marginLeft: 40, marginBottom: 32, marginTop: 8, marginRight: 12,
        x: { ...axis("log", [low / 1.3, high * 1.3], 4), tickFormat: "~s", label: "smallest size (parameters)" },
        y: { domain: [0, 1.08 * Math.max(margin, d3.max(bars, (row) => row.high ?? row.y))], label: null, ticks: 5, grid: true },
        marks: [
          Plot.ruleY([margin], { stroke: css("--ink"), strokeDasharray: "4 2" }),
          Plot.ruleX(bars, { x: "size", y1: "low", y2: "high", stroke: color, strokeWidth: 2 }),
          Plot.dot(bars, { x: "size", y: "y", r: 4.5, stroke: color, strokeWidth: 1.5, fill: (row) => (row.high < margin ? color : css("--ground")) }),
          Plot.tip(bars, Plot.pointerX({ x: "size", y: "y", title: (row) => `from ${row.rung || short(row.size)} on\n${between(row, percent)}`, fill: css("--ground"), stroke: css("--rule") })),
        ],
        color: { type: "identity" },
      }));
    }
    const limit = all.filter((row) => row.panel === "corrections");
    if (limit.length) {
      make("p", column, { class: "panel-name" }, "departure from the limit of infinite size (%), and its 95 % band");
      column.append(plot(`Correction to scaling, ${all[0].family} on ${all[0].dataset}`, {
        width: 320, height: 170, marginLeft: 40, marginBottom: 30, marginTop: 8, x: { ...axis(state.x, d3.extent(limit, (row) => row.x), 4), label: "fraction of training x" }, y: { label: null, ticks: 5, grid: true },
        marks: [
          Plot.areaY(limit.filter((row) => row.series === "limit"), { x: "x", y1: "low", y2: "high", fill: css("--noise") }),
          Plot.ruleY([0], { stroke: css("--faint") }),
          Plot.line(limit.filter((row) => row.series !== "limit"), { x: "x", y: "y", stroke: color, strokeWidth: 1.8 }),
        ],
      }));
    }
  }
}

function drawExponents(figure, groups, rows, into) {
  const named = new Map(groups.map((group) => [group.id, group]));
  const grid = make("div", into, { class: "columns pair" });
  for (const [name, all] of d3.group(rows, (row) => row.panel)) {
    const own = all.filter((row) => !state.hidden.has(row.family)).map((row) => ({ ...row, label: labelOf(named.get(row.key)), margin: null, unrelated: null }));
    if (!own.length) continue;
    const column = make("div", grid);
    make("h4", column, {}, name);
    column.append(forest(`${name}, with 95 % intervals`, own, { width: 340, log: false, x: null, say: (row) => between(row, (value) => value.toPrecision(3)) }));
  }
}

// One row a claim, one dot a family: how far its number lies from the predicted constant, in margins.
function drawClaims(figure, groups, rows, into) {
  const reach = 30, kept = (value) => Math.max(-reach, Math.min(reach, value));
  const names = [...new Set(data.claims.dots.map((one) => one.claim))];
  const own = rows.flatMap((row) => {
    const told = data.claims.dots.find((one) => one.claim === row.series && one.family === row.family && one.dataset === row.dataset);
    const away = (value) => kept((value - told.predicted) / told.margin);
    return state.hidden.has(row.family) ? [] : [{ ...row, told, at: away(row.y), from: away(row.low), to: away(row.high) }];
  });
  for (const [name, all] of d3.group(own, (row) => row.series)) {
    all.forEach((row, place) => { row.place = names.indexOf(name) + 0.85 * ((place + 1) / (all.length + 1) - 0.5) + 0.1; });
  }
  const color = (row) => tone(data.families[row.family]);
  const solid = (row) => ["holds", "fails"].includes(row.told.verdict);
  const width = innerWidth < 640 ? 340 : 760;
  const first = names.map((name) => data.claims.dots.find((one) => one.claim === name));
  into.append(plot("Distance of each family's number from the predicted constant, one row a claim", {
    width, style: { maxWidth: `${1.25 * width}px` }, height: 62 * names.length + 50, marginLeft: 10, marginRight: 20, marginTop: 8, marginBottom: 36,
    x: { type: "symlog", constant: 1, domain: [-1.3 * reach, 1.3 * reach], ticks: width < 640 ? [-30, -3, 0, 3, 30] : [-30, -10, -3, -1, 0, 1, 3, 10, 30], tickFormat: (value) => (value ? short(value) : "predicted"), label: "distance from the predicted constant, in margins", labelArrow: "none", grid: true },
    y: { domain: [names.length - 0.5, -0.5], axis: null },
    marks: [
      Plot.rectX([0], { x1: -1, x2: 1, fill: css("--noise"), fillOpacity: 0.5 }), Plot.ruleX([0], { stroke: css("--ink") }),
      Plot.text(first, { x: -1.3 * reach, y: (one, place) => place - 0.38, text: (one) => `${one.claim}: ${short(one.predicted)} ± ${short(one.margin)}`, textAnchor: "start", fontSize: 10.5, fontWeight: 600, fill: css("--ink") }),
      Plot.link(own, { x1: "from", x2: "to", y1: "place", y2: "place", stroke: color, strokeWidth: 1.6 }),
      Plot.dot(own, { x: "at", y: "place", symbol: (row) => SHAPES[data.families[row.family].symbol], fill: (row) => (solid(row) ? color(row) : css("--ground")), stroke: color, strokeWidth: 1.4, r: 4 }),
      Plot.tip(own, Plot.pointer({ x: "at", y: "place", title: (row) => `${row.series}\n${row.family} on ${row.dataset}: ${row.told.verdict}\n${between(row, (value) => value.toPrecision(3))}, predicted ${short(row.told.predicted)}`, fill: css("--ground"), stroke: css("--rule") })),
    ],
    symbol: { type: "identity" }, color: { type: "identity" },
  }));
  const key = make("ul", into, { class: "sizes", "aria-label": "Families" });
  for (const family of new Set(own.map((row) => row.family))) make("li", key).append(symbol(family), ` ${family}`);
  make("p", into, { class: "small" }, "Grey: within the margin. Hollow: cannot tell, or out of the regime. What lies further than thirty margins is drawn at the end.");
}

const DRAWN = { claims: drawClaims, summary: drawCurves, dataset: drawCurves, deviations: drawDeviations, "across-families": drawAcross, onset: drawOnset, exponents: drawExponents };

// Markers as in the files: each a polygon about 0 with the corners given in turns, or a circle.
const polygon = (count, turn) => d3.range(count).map((k) => [Math.sin(2 * Math.PI * (k / count + turn)), -Math.cos(2 * Math.PI * (k / count + turn))]);
const PLUS = [[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1], [1, 3], [-1, 3], [-1, 1], [-3, 1], [-3, -1], [-1, -1]].map(([x, y]) => [x / 2.9, y / 2.9]);
const turned = (points) => points.map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2]);
const CORNERS = {
  square: polygon(4, 1 / 8), triangle: polygon(3, 0), diamond: polygon(4, 0).map(([x, y]) => [0.75 * x, 1.1 * y]), "triangle-down": polygon(3, 1 / 2),
  plus: PLUS, cross: turned(PLUS), pentagon: polygon(5, 0), hexagon: polygon(6, 0),
};
const SHAPES = { circle: d3.symbolCircle };
for (const [name, corners] of Object.entries(CORNERS)) {
  SHAPES[name] = {
    draw(path, area) {
      const reach = 1.2 * Math.sqrt(area / Math.PI);
      corners.forEach(([x, y], place) => path[place ? "lineTo" : "moveTo"](reach * x, reach * y));
      path.closePath();
    },
  };
}

function symbol(family) {
  const look = data.families[family];
  const made = d3.create("svg").attr("viewBox", "-6 -6 12 12");
  made.append("path").attr("d", d3.symbol(SHAPES[look.symbol], 64)()).attr("fill", tone(look));
  const span = document.createElement("span");
  span.className = "mark";
  span.setAttribute("aria-hidden", "true");
  span.append(made.node());
  return span;
}

async function drawAll(fresh = false) {
  for (const box of document.querySelectorAll("[data-family-mark]")) box.replaceChildren(...symbol(box.dataset.familyMark).childNodes);
  for (const box of document.querySelectorAll("figure.drawn")) {
    if (box.closest("[hidden]")) continue;
    const chapter = data.chapters[box.dataset.chapter] || { groups: [], figures: [data.claims.figure] };
    const figure = chapter.figures.find((one) => one.name === box.dataset.figure);
    const rows = await pointsOf(figure.name);
    const into = box.querySelector(".canvas");
    into.replaceChildren();
    into.removeAttribute("role");
    DRAWN[figure.kind](figure, chapter.groups, rows, into);
    if (fresh) await new Promise((resolve) => setTimeout(resolve)); // the page stays quick while it is drawn
  }
  document.documentElement.dataset.drawn = "yes";
}

for (const chapter of data.chapters) {
  for (const group of chapter.groups) {
    group.id = group.key.join("\u0000");
    group.logs = { raw: true, collapsed: !group.labels.collapsed.includes("mean improvement"), residual: false };
  }
}
