// Live curves: the loss of each step during training, and what each step gets right on held-out puzzles.
// All points are kept (a run is at most some ten thousand updates); drawing thins them to the pixels there are.
// render({ model, el }) -> disposer; el.dataset: ready, run, points, evals, draws, lastLosses.

const CSS = `
.tc { --fg: var(--body-text-color, var(--jp-ui-font-color1, #1f2937)); --mute: color-mix(in srgb, var(--fg) 68%, transparent);
  --line: var(--border-color-primary, var(--jp-border-color2, #dcd9d2)); --bg: var(--block-background-fill, var(--background-fill-primary, var(--jp-layout-color0, #fff)));
  color: var(--fg); font: 14px/1.4 var(--font, var(--jp-ui-font-family, system-ui, sans-serif)); min-width: 0 }
.tc *, .tc *::before { box-sizing: border-box }
.tc-pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 14px }
.tc-card { border: 1px solid var(--line); border-radius: 12px; background: var(--bg); padding: 10px 12px 8px; min-width: 0 }
.tc-title { font-weight: 600 } .tc-tools { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: center; min-height: 26px; font-size: 12.5px; color: var(--mute) }
.tc-tools label { display: inline-flex; align-items: center; gap: 5px; cursor: pointer; color: inherit; font-size: inherit; margin: 0 }
.tc-tools input { margin: 0; accent-color: var(--fg) } .tc-tools input[type=range] { width: 84px }
.tc-plot { position: relative; height: 230px } .tc-plot canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: pan-y; border-radius: 4px }
.tc-plot canvas:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.tc-empty { position: absolute; inset: 0 0 20px; display: flex; align-items: center; justify-content: center; text-align: center; padding: 0 20px; color: var(--mute) } .tc [hidden] { display: none }
.tc-tip { position: absolute; top: 6px; pointer-events: none; background: var(--bg); border: 1px solid var(--line); border-radius: 8px; padding: 6px 9px; font-size: 12px; box-shadow: 0 2px 10px #0002; white-space: nowrap; z-index: 1; font-variant-numeric: tabular-nums }
.tc-tip div { display: flex; gap: 8px; justify-content: space-between } .tc-tip .now { font-weight: 700 } .tc-tip i { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 5px; background: var(--c) }
.tc-tip.many { columns: 2; column-gap: 14px }
.tc-tables { display: flex; flex-wrap: wrap; gap: 14px; overflow-x: auto; margin-top: 10px; font-size: 12.5px } .tc table { border-collapse: collapse; font: inherit; color: inherit; font-variant-numeric: tabular-nums }
.tc caption { text-align: left; color: var(--mute) } .tc :is(th, td) { text-align: right; padding: 2px 10px 2px 0; border: 0; border-bottom: 1px solid var(--line); white-space: nowrap; font-weight: 400 }`;

const SHIFT = 20; // points that Shift + arrow moves the crosshair by
const h = (tag, cls = "", ...children) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  node.append(...children);
  return node;
};
const number = (x) => (x == null || !Number.isFinite(x) ? "–" : x !== 0 && Math.abs(x) < 1e-3 ? x.toExponential(1) : String(Number(x.toPrecision(3))));
const percent = (x) => (x == null ? "–" : `${Number((100 * x).toFixed(1))} %`);
// A list may be shorter or longer than the run's steps (curriculum, random cycles): its last entry is the final answer's.
const at = (list, k, S) => (!list?.length ? null : k === S - 1 ? list.at(-1) : k < list.length - 1 ? list[k] : null);
const niceTicks = (low, high, count, whole) => {
  const raw = (high - low || 1) / count, power = 10 ** Math.floor(Math.log10(raw));
  let step = [1, 2, whole && power < 10 ? 5 : 2.5, 5, 10].find((m) => m * power >= raw * 0.999) * power;
  if (whole) step = Math.max(1, Math.round(step));
  return Array.from({ length: Math.floor((high - low) / step + 1e-6) + 2 }, (_, i) => Number(((Math.ceil(low / step - 1e-9) + i) * step).toPrecision(12))).filter((t) => t <= high + step * 1e-6);
};
const logTicks = (low, high) => {
  const ticks = [], few = Math.log10(high / low) < 2.5;
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) for (const m of few ? [1, 2, 5] : [1]) ticks.push(m * 10 ** e);
  return ticks.filter((t) => t >= low * 0.999 && t <= high * 1.001);
};
// Exponential moving average without the pull towards zero at its start; gaps stay gaps.
const smoothed = (ys, a) => {
  let sum = 0, weight = 0;
  return ys.map((y) => (y == null ? null : (sum = a * sum + (1 - a) * y) / (weight = a * weight + (1 - a))));
};

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const check = (text, onchange) => {
    const input = h("input");
    input.type = "checkbox";
    input.addEventListener("change", () => { onchange(input.checked); request(); });
    return h("label", "", input, text);
  };
  const option = { log: false, seconds: false, smooth: 0, cells: false, table: false };
  const slider = h("input");
  Object.assign(slider, { type: "range", min: "0", max: "0.95", step: "0.05", value: "0" });
  slider.addEventListener("input", () => { option.smooth = Number(slider.value); request(); });
  const tables = h("div", "tc-tables");
  tables.hidden = true;
  let points = [], evals = [], run = null, S = 0, colors = null, lastMessage = null, raf = 0, draws = 0;

  const lossChart = makeChart("Loss of each step", "The curves start with the first update: press Train.", {
    rows: () => points, x: (p) => (option.seconds ? p[1] : p[0]), list: (p) => p[3], format: number, xLabel: () => (option.seconds ? "seconds of training" : "updates"),
    head: (p) => `update ${p[0]} · ${number(p[1])} s`, foot: (p) => ["total", number(p[2])] },
    check("log scale", (on) => { option.log = on; }), check("x in seconds", (on) => { option.seconds = on; }), h("label", "", "smoothing", slider));
  const scoreChart = makeChart("Solved (exact) on held-out puzzles", "Held-out puzzles are tried now and then during training.", {
    rows: () => evals, x: (e) => e[0], list: (e) => (option.cells ? e[1] : e[2]), format: percent, xLabel: () => "updates", score: true,
    head: (e) => `update ${e[0]} · ${option.cells ? "cells right" : "solved"}` },
    check("cells right instead", (on) => { option.cells = on; scoreChart.title.textContent = on ? "Cells right on held-out puzzles" : "Solved (exact) on held-out puzzles"; }),
    check("show as table", (on) => { option.table = on; tables.hidden = !on; }));
  const charts = [lossChart, scoreChart];
  const root = h("div", "tc", style, h("div", "tc-pair", ...charts.map((c) => c.card)), tables);
  el.replaceChildren(root);

  function makeChart(name, emptyText, spec, ...tools) {
    const c = { ...spec, hover: null, title: h("div", "tc-title", name), canvas: h("canvas"), tip: h("div", "tc-tip"), empty: h("div", "tc-empty", emptyText), pixels: [] };
    c.card = h("div", "tc-card", c.title, h("div", "tc-tools", ...tools), h("div", "tc-plot", c.canvas, c.empty, c.tip));
    c.canvas.tabIndex = 0;
    c.canvas.setAttribute("role", "img");
    c.tip.hidden = true;
    const move = (index, spoken) => {
      const last = c.rows().length - 1;
      c.hover = index == null || last < 0 ? null : Math.max(0, Math.min(last, index));
      c.tip.setAttribute("aria-live", spoken ? "polite" : "off"); // spoken for keys, silent under the mouse
      request();
    };
    const point = (event) => {
      const x = event.clientX - c.canvas.getBoundingClientRect().left, px = c.pixels;
      let low = 0, high = px.length - 1;
      while (low < high) { const mid = (low + high) >> 1; if (px[mid] < x) low = mid + 1; else high = mid; }
      move(px.length ? (low > 0 && x - px[low - 1] < px[low] - x ? low - 1 : low) : null);
    };
    c.canvas.addEventListener("pointermove", point);
    c.canvas.addEventListener("pointerdown", point);
    c.canvas.addEventListener("pointerleave", () => move(null));
    c.canvas.addEventListener("blur", () => move(null));
    c.canvas.addEventListener("keydown", (event) => {
      const last = c.rows().length - 1, from = c.hover ?? last, by = event.shiftKey ? SHIFT : 1;
      const target = { ArrowLeft: from - (c.hover == null ? 0 : by), ArrowRight: from + by, Home: 0, End: last, Escape: null }[event.key];
      if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      move(target, true);
    });
    return c;
  }

  function draw(c, dark, chosen) {
    const { width: W, height: H } = c.canvas.getBoundingClientRect(), scale = window.devicePixelRatio || 1, g = c.canvas.getContext("2d");
    if (!W || !H) return;
    if (c.canvas.width !== Math.round(W * scale)) c.canvas.width = Math.round(W * scale);
    if (c.canvas.height !== Math.round(H * scale)) c.canvas.height = Math.round(H * scale);
    g.setTransform(scale, 0, 0, scale, 0, 0);
    g.clearRect(0, 0, W, H);
    const rows = c.rows(), fg = getComputedStyle(root).color, color = (k) => (dark ? colors?.dark : colors?.light)?.[k] || fg;
    c.empty.hidden = rows.length > 0;
    const box = { left: 42, right: W - 54, top: 10, bottom: H - 34 };
    const xs = rows.map(c.x), log = !c.score && option.log, usable = (y) => (y != null && Number.isFinite(y) && (!log || y > 0) ? y : null);
    const lines = Array.from({ length: S }, (_, k) => rows.map((row) => usable(at(c.list(row), k, S))));
    let low = c.score ? 0 : Infinity, high = c.score ? 1 : 0;
    if (!c.score) for (const ys of lines) for (const y of ys) if (y != null) { if (y < low) low = y; if (y > high) high = y; }
    if (!Number.isFinite(low)) [low, high] = [log ? 0.01 : 0, 1];
    if (log) { low = Math.max(low, high * 1e-7) * 0.9; high *= 1.1; if (high / low < 3) low = high / 3; } else { low = Math.min(0, low); high = high * 1.03 || 1; }
    const x0 = xs[0] ?? 0, x1 = Math.max(xs.at(-1) ?? 1, x0 + (c.score || !option.seconds ? 1 : 0.1));
    const X = (x) => box.left + ((box.right - box.left) * (x - x0)) / (x1 - x0);
    const ratio = log ? (y) => Math.log(y / low) / Math.log(high / low) : (y) => (y - low) / (high - low);
    const Y = (y) => box.bottom - (box.bottom - box.top) * Math.max(-0.02, ratio(y));
    c.pixels = xs.map(X);

    // Axes: hairlines, nice numbers, the unit below.
    g.font = "11px system-ui, sans-serif"; g.lineWidth = 1; g.lineJoin = g.lineCap = "round"; g.fillStyle = g.strokeStyle = fg; g.textBaseline = "middle";
    if (rows.length) {
      g.textAlign = "right";
      for (const t of c.score ? [0, 0.25, 0.5, 0.75, 1] : log ? logTicks(low, high) : niceTicks(low, high, 6)) {
        g.globalAlpha = 0.13; g.beginPath(); g.moveTo(box.left, Math.round(Y(t)) + 0.5); g.lineTo(box.right, Math.round(Y(t)) + 0.5); g.stroke();
        g.globalAlpha = 0.72; g.fillText(c.score ? `${100 * t} %` : number(t), box.left - 6, Y(t));
      }
    }
    g.textAlign = "center"; g.globalAlpha = 0.72;
    if (rows.length) for (const t of niceTicks(x0, x1, Math.max(2, Math.round((box.right - box.left) / 75)), c.score || !option.seconds)) g.fillText(String(t), X(t), box.bottom + 11);
    if (rows.length) g.fillText(c.xLabel(), (box.left + box.right) / 2, box.bottom + 26);

    // Lines. With more points than pixels, each pixel column keeps its lowest and highest point.
    const path = (ys) => {
      g.beginPath();
      let pen = false;
      const to = (i, y) => { if (pen) g.lineTo(c.pixels[i], Y(y)); else { g.moveTo(c.pixels[i] - 0.01, Y(y)); g.lineTo(c.pixels[i], Y(y)); pen = true; } };
      for (let i = 0; i < ys.length; i++) {
        if (ys[i] == null) { pen = false; continue; }
        if (ys.length <= 1500) { to(i, ys[i]); continue; }
        let least = i, most = i, j = i;
        for (; j < ys.length && ys[j] != null && c.pixels[j] < c.pixels[i] + 1; j++) { if (ys[j] < ys[least]) least = j; if (ys[j] > ys[most]) most = j; }
        for (const m of least < most ? [least, most] : [most, least]) to(m, ys[m]);
        i = j - 1;
      }
      g.stroke();
    };
    const order = [...lines.keys()].sort((a, b) => (a === chosen) - (b === chosen)); // the selected step on top
    const ends = [];
    for (const k of order) {
      const ys = !c.score && option.smooth ? smoothed(lines[k], option.smooth) : lines[k];
      g.strokeStyle = g.fillStyle = color(k);
      if (ys !== lines[k]) { g.globalAlpha = 0.22; g.lineWidth = 1; path(lines[k]); }
      g.globalAlpha = 1; g.lineWidth = k === chosen ? 3.2 : 1.7;
      g.setLineDash(c.score && option.cells ? [5, 4] : []);
      path(ys);
      g.setLineDash([]);
      if (c.score && rows.length < 80) ys.forEach((y, i) => { if (y != null) { g.beginPath(); g.arc(c.pixels[i], Y(y), k === chosen ? 3.2 : 2.2, 0, 7); g.fill(); } });
      const last = ys.findLast((y) => y != null);
      if (last != null) ends.push({ k, y: Y(last) });
    }

    // Names at the line ends: a few are pushed apart where lines meet; of many, only those that have room are written.
    const gap = 13, rank = (k) => (k === chosen ? 0 : k === S - 1 ? 1 : k === 0 ? 2 : 3);
    ends.sort((a, b) => (S > 8 ? rank(a.k) - rank(b.k) : a.y - b.y || b.k - a.k));
    ends.forEach((e, i) => { e.at = S > 8 ? e.y : Math.max(e.y, i ? ends[i - 1].at + gap : 8); });
    if (S <= 8) for (let i = ends.length - 1, floor = box.bottom; i >= 0; i--) floor = (ends[i].at = Math.min(ends[i].at, floor)) - gap;
    const named = ends.filter((e, i) => S <= 8 || (e.named = !ends.slice(0, i).some((o) => o.named && Math.abs(o.at - e.at) < gap)));
    g.textAlign = "left";
    for (const { k, y, at: label } of named) {
      g.strokeStyle = color(k); g.lineWidth = 1.5; g.globalAlpha = 0.6; g.beginPath(); g.moveTo(box.right + 2, y); g.lineTo(box.right + 10, label); g.stroke();
      g.globalAlpha = k === chosen ? 1 : 0.8; g.fillStyle = fg; g.font = `${k === chosen ? 700 : 400} 11px system-ui, sans-serif`;
      g.fillText(S > 8 ? String(k) : `step ${k}`, box.right + 13, label);
    }
    g.globalAlpha = 1;
    drawHover(c, g, box, W, lines, Y, fg, color, chosen);
    const newest = rows.at(-1);
    c.canvas.setAttribute("aria-label", newest ? `${c.title.textContent}, update ${newest[0]}: ` + lines.map((ys, k) => `step ${k} ${c.format(ys.at(-1))}`).join(", ") : `${c.title.textContent}: ${c.empty.textContent}`);
  }

  function drawHover(c, g, box, W, lines, Y, fg, color, chosen) {
    const rows = c.rows(), row = c.hover == null ? null : rows[Math.min(c.hover, rows.length - 1)];
    c.tip.hidden = !row;
    if (!row) return;
    const i = Math.min(c.hover, rows.length - 1), x = c.pixels[i];
    g.strokeStyle = fg; g.globalAlpha = 0.45; g.lineWidth = 1; g.beginPath(); g.moveTo(x, box.top); g.lineTo(x, box.bottom); g.stroke(); g.globalAlpha = 1;
    lines.forEach((ys, k) => { if (ys[i] != null) { g.fillStyle = color(k); g.beginPath(); g.arc(x, Y(ys[i]), 3.5, 0, 7); g.fill(); } });
    const items = lines.map((_, k) => {
      const dot = h("i"), value = at(c.list(row), k, S);
      dot.style.setProperty("--c", color(k));
      return h("div", k === chosen ? "now" : "", h("span", "", dot, `step ${k}${k === S - 1 && S <= 8 ? ", final answer" : ""}`), h("span", "", c.format(value)));
    });
    if (c.foot) items.push(h("div", "", ...c.foot(row).map((text) => h("span", "", text))));
    c.tip.classList.toggle("many", S > 8);
    c.tip.replaceChildren(h("div", "", c.head(row)), ...items);
    const width = c.tip.offsetWidth;
    c.tip.style.left = `${Math.max(0, Math.min(W - width, x + 12 + width < W ? x + 12 : x - 12 - width))}px`;
  }

  function drawTables() {
    if (!option.table) return;
    const names = Array.from({ length: S }, (_, k) => `step ${k}`);
    const table = (caption, head, rows) => h("table", "", h("caption", "", caption), h("thead", "", h("tr", "", ...head.map((t) => h("th", "", t)))), h("tbody", "", ...rows.map((r) => h("tr", "", ...r.map((t) => h("td", "", t))))));
    tables.replaceChildren(
      table("Losses, newest last", ["update", "seconds", "total", ...names], points.slice(-10).map((p) => [String(p[0]), number(p[1]), number(p[2]), ...names.map((_, k) => number(at(p[3], k, S)))])),
      table("Held-out puzzles: solved (cells right)", ["update", ...names], evals.slice(-10).map((e) => [String(e[0]), ...names.map((_, k) => `${percent(at(e[2], k, S))} (${percent(at(e[1], k, S))})`)])));
  }

  function paint() {
    raf = 0;
    const [r = 0, green = 0, b = 0] = (getComputedStyle(root).color.match(/[\d.]+/g) || []).map(Number), step = model.get("step");
    const chosen = Number.isInteger(step) ? Math.min(step, S - 1) : S - 1;
    for (const c of charts) draw(c, 0.299 * r + 0.587 * green + 0.114 * b > 140, chosen);
    drawTables();
    Object.assign(el.dataset, { draws: ++draws, step: chosen });
  }
  const request = () => { raf ||= requestAnimationFrame(paint); };

  // Points come as "new ones only"; one that was seen already (a message delivered twice) is not taken again.
  const append = (held, fresh) => { for (const p of fresh || []) if (!held.length || p[0] > held.at(-1)[0]) held.push(p); };
  function take() {
    const message = model.get("message");
    if (!message || message === lastMessage) return;
    lastMessage = message;
    if (message.from === 0 || (message.run != null && message.run !== run)) {
      [points, evals, S, colors] = [[], [], 0, null];
      for (const c of charts) c.hover = null;
    }
    run = message.run ?? run;
    S = message.steps ?? S;
    colors = message.colors ?? colors;
    append(points, message.points);
    append(evals, message.evals);
    Object.assign(el.dataset, { run: run ?? "", points: points.length, evals: evals.length, lastLosses: JSON.stringify(points.at(-1)?.[3] ?? []) });
  }

  const onMessage = () => { take(); request(); };
  const listeners = { "change:message": onMessage, "change:step": request };
  for (const name in listeners) model.on(name, listeners[name]);
  let timer = 0;
  const onTheme = () => { request(); clearTimeout(timer); timer = setTimeout(request, 350); }; // the page may fade its colours
  const mutations = new MutationObserver(onTheme), sizes = new ResizeObserver(request), media = matchMedia("(prefers-color-scheme: dark)");
  for (const node of [document.documentElement, document.body]) mutations.observe(node, { attributes: true });
  for (const c of charts) sizes.observe(c.canvas); // also tells when el is attached after render
  media.addEventListener("change", onTheme);
  Object.assign(el.dataset, { points: 0, evals: 0, lastLosses: "[]" });
  take();
  paint();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    mutations.disconnect(); sizes.disconnect(); media.removeEventListener("change", onTheme);
    cancelAnimationFrame(raf); clearTimeout(timer);
  };
}

export default { render };
