// Charts on a canvas, one look for all.
//
// const chart = charts.line({ title, empty, tools: [nodes], height })   -> { node, title, set, draw, leave, canvas }; chart.node goes into a root that
//   has LOOK (common.js), charts.STYLE into its style. `empty`: the words while there is no point.
// chart.set({ series, x, y, head, foot, marks })   what is shown; cheap, draws nothing.
//   series: [{ name, label, color: {light, dark}, xs, ys, lo, hi, dash, marker, bold, pale, drawn, faint, dots, rank }]. xs rise; ys, lo, hi may have nulls (gaps); lo and
//     hi: a band around ys. label: the short name at the line's end (default: name; "" for none). dash: canvas dash. marker: disc, square, triangle, diamond.
//     dots: a dot at every point. bold: on top and thicker; pale: thinner. drawn: the line's own ys (smoothed), words stay with ys; faint: ys beneath. rank: of more than 8 series
//     only the ends that have room are named, small ranks first. One shared xs array is the fastest.
//   x: { label, whole, least, said }   whole: ticks are whole numbers; least: least width of the axis; said: (x) => words for screen readers.
//   y: { percent, log, low, high, format }   percent: 0 to 1 as 0 to 100 %; low, high: instead of what the data have.
//   head: (x, i) => the hover card's first line; foot: (x, i) => [name, value] or null, its last; i counts the union of all xs.
//   marks: [{ x, text }]   dashed upright lines, such as "trained so far".
// const live = charts.live(root, [charts], paint)   -> { request, now, dispose }: calls paint() (set your charts there), then draws them, at most once
//   a frame: on request(), another size or theme, under the mouse. Keeps root.dataset.theme as followTheme does.
// Mouse, finger, keys (arrows, Shift, Home, End, Escape; spoken): a card with every value at that x. aria-label: every newest value.
// charts.sign(series) -> its line and marker, for legends; table(caption, head, rows, cls); number(x) -> text; smoothed(ys, a), gaps stay.

import { followTheme, h, percent } from "./common.js";

export const charts = (() => {
  const STYLE = `
.tc-card { border: 1px solid var(--line); border-radius: 12px; background: var(--bg); padding: 10px 12px 8px; min-width: 0 }
.tc-title { font-weight: 600 } .tc-tools { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: center; min-height: 26px; font-size: 12.5px; color: var(--mute) }
.tc-tools:empty { display: none } .tc-tools label { display: inline-flex; align-items: center; gap: 5px; cursor: pointer; color: inherit; font-size: inherit; margin: 0 }
.tc-tools input { margin: 0; accent-color: var(--fg) } .tc-tools input[type=range] { width: 84px }
.tc-plot { position: relative; height: var(--height, 230px) } .tc-plot canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: pan-y; border-radius: 4px }
.tc-plot canvas:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px } .tc-plot [hidden] { display: none }
.tc-empty { position: absolute; inset: 0 0 20px; display: flex; align-items: center; justify-content: center; text-align: center; padding: 0 20px; color: var(--mute) }
.tc-tip { position: absolute; top: 6px; pointer-events: none; background: var(--bg); border: 1px solid var(--line); border-radius: 8px; padding: 6px 9px; font-size: 12px; box-shadow: 0 2px 10px #0002; white-space: nowrap; z-index: 1; font-variant-numeric: tabular-nums }
.tc-tip div { display: flex; gap: 8px; justify-content: space-between } .tc-tip .now { font-weight: 700 } .tc-tip .tc-sign { margin-right: 5px }
.tc-tip.many { columns: 2; column-gap: 14px }
.tc-sign { --c: var(--light); color: var(--c); display: inline-block; vertical-align: middle } [data-theme=dark] .tc-sign { --c: var(--dark) }
.tc-sign i { display: block; width: 9px; height: 9px; border-radius: 50%; background: var(--c) } .tc-sign svg { display: block; overflow: visible }
.tc-table { border-collapse: collapse; font: inherit; color: inherit; font-variant-numeric: tabular-nums } .tc-table caption { text-align: left; color: var(--mute) }
.tc-table :is(th, td) { text-align: right; padding: 2px 10px 2px 0; border: 0; border-bottom: 1px solid var(--line); white-space: nowrap; font-weight: 400 }`;

  const SHIFT = 20; // points that Shift + arrow moves the crosshair by
  const FONT = "11px system-ui, sans-serif",
    GAP = 13,
    FEW = 8; // up to this many line ends all get their names
  const SHAPES = {
    disc: "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z",
    square: "M-3.1-3.1h6.2v6.2h-6.2z",
    triangle: "M0-4.4L4.1 3H-4.1z",
    diamond: "M0-4.6L4.6 0L0 4.6L-4.6 0z",
  };

  const number = (x) =>
    x == null || !Number.isFinite(x)
      ? "–"
      : x !== 0 && Math.abs(x) < 1e-3
        ? x.toExponential(1)
        : String(Number(x.toPrecision(3)));
  const niceTicks = (low, high, count, whole) => {
    const raw = (high - low || 1) / count,
      power = 10 ** Math.floor(Math.log10(raw));
    let step = [1, 2, whole && power < 10 ? 5 : 2.5, 5, 10].find((m) => m * power >= raw * 0.999) * power;
    if (whole) step = Math.max(1, Math.round(step));
    return Array.from({ length: Math.floor((high - low) / step + 1e-6) + 2 }, (_, i) =>
      Number(((Math.ceil(low / step - 1e-9) + i) * step).toPrecision(12)),
    ).filter((t) => t <= high + step * 1e-6);
  };
  const logTicks = (low, high) => {
    const ticks = [],
      few = Math.log10(high / low) < 2.5;
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++)
      for (const m of few ? [1, 2, 5] : [1]) ticks.push(m * 10 ** e);
    return ticks.filter((t) => t >= low * 0.999 && t <= high * 1.001);
  };
  // Exponential moving average, not pulled towards zero at its start; gaps stay gaps.
  const smoothed = (ys, a) => {
    let sum = 0,
      weight = 0;
    return ys.map((y) => (y == null ? null : (sum = a * sum + (1 - a) * y) / (weight = a * weight + (1 - a))));
  };
  // The index whose x is nearest; xs rise.
  const nearest = (xs, x) => {
    let low = 0,
      high = xs.length - 1;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (xs[mid] < x) low = mid + 1;
      else high = mid;
    }
    return low > 0 && x - xs[low - 1] < xs[low] - x ? low - 1 : low;
  };
  const union = (all) =>
    all.every((s) => s.xs === all[0].xs)
      ? (all[0]?.xs ?? [])
      : [...new Set(all.flatMap((s) => s.xs))].sort((a, b) => a - b);
  const table = (caption, head, rows, cls = "") =>
    h(
      "table",
      `tc-table ${cls}`,
      h("caption", "", caption),
      h("thead", "", h("tr", "", ...head.map((t) => h("th", "", t)))),
      h("tbody", "", ...rows.map((r) => h("tr", "", ...r.map((t) => h("td", "", t))))),
    );
  function sign({ color, dash, marker }) {
    const node = h("span", "tc-sign");
    node.style.setProperty("--light", color?.light ?? "var(--fg)");
    node.style.setProperty("--dark", color?.dark ?? "var(--fg)");
    if (!dash && !marker) node.append(h("i"));
    else
      node.innerHTML = `<svg width="30" height="12" viewBox="-15 -6 30 12" aria-hidden="true"><path d="M-15 0H15" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="${(dash || []).map(Number).join(" ")}"/><path d="${SHAPES[marker] || ""}" fill="currentColor"/></svg>`;
    return node;
  }

  // What every chart has: a card with title, tools, canvas, hover card, words while it is empty.
  function base({ title = "", empty = "", tools = [], height = null } = {}) {
    const c = {
      canvas: h("canvas"),
      title: h("div", "tc-title", title),
      tip: h("div", "tc-tip"),
      empty: h("div", "tc-empty", empty),
      ask: () => {},
    };
    const plot = h("div", "tc-plot", c.canvas, c.empty, c.tip);
    if (height) plot.style.setProperty("--height", `${height}px`);
    c.node = h("div", "tc-card", c.title, h("div", "tc-tools", ...tools), plot);
    c.canvas.tabIndex = 0;
    c.canvas.setAttribute("role", "img");
    c.tip.hidden = true;
    // A clean sheet in CSS pixels; null while it has no size.
    c.sheet = () => {
      const { width: W, height: H } = c.canvas.getBoundingClientRect(),
        scale = window.devicePixelRatio || 1,
        g = c.canvas.getContext("2d");
      if (!W || !H) return null;
      if (c.canvas.width !== Math.round(W * scale)) c.canvas.width = Math.round(W * scale);
      if (c.canvas.height !== Math.round(H * scale)) c.canvas.height = Math.round(H * scale);
      g.setTransform(scale, 0, 0, scale, 0, 0);
      g.clearRect(0, 0, W, H);
      g.font = FONT;
      g.textBaseline = "middle";
      g.lineJoin = g.lineCap = "round";
      g.lineWidth = 1;
      return { g, W, H, fg: getComputedStyle(c.node).color };
    };
    c.show = (x, W, ...nodes) => {
      // the hover card beside x
      c.tip.hidden = false;
      c.tip.replaceChildren(...nodes);
      const width = c.tip.offsetWidth;
      c.tip.style.left = `${Math.max(0, Math.min(W - width, x + 12 + width < W ? x + 12 : x - 12 - width))}px`;
    };
    c.speak = (spoken) => c.tip.setAttribute("aria-live", spoken ? "polite" : "off"); // spoken for keys, silent under the mouse
    return c;
  }

  function line(parts) {
    const c = base(parts);
    let spec = { series: [], x: {}, y: {}, marks: [] },
      xs = [],
      pixels = [],
      hover = null; // hover: an x, so that new points do not move it
    c.set = (fresh) => {
      spec = { x: {}, y: {}, marks: [], ...fresh };
      xs = union(spec.series);
    };
    c.leave = () => {
      hover = null;
    };

    const move = (index, spoken) => {
      hover = index == null || !xs.length ? null : xs[Math.max(0, Math.min(xs.length - 1, index))];
      c.speak(spoken);
      c.ask();
    };
    const point = (event) =>
      move(pixels.length ? nearest(pixels, event.clientX - c.canvas.getBoundingClientRect().left) : null);
    c.canvas.addEventListener("pointermove", point);
    c.canvas.addEventListener("pointerdown", point);
    c.canvas.addEventListener("pointerleave", () => move(null));
    c.canvas.addEventListener("blur", () => move(null));
    c.canvas.addEventListener("keydown", (event) => {
      const last = xs.length - 1,
        from = hover == null ? last : nearest(xs, hover),
        by = event.shiftKey ? SHIFT : 1;
      const target = {
        ArrowLeft: from - (hover == null ? 0 : by),
        ArrowRight: from + by,
        Home: 0,
        End: last,
        Escape: null,
      }[event.key];
      if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      move(target, true);
    });

    c.draw = (dark) => {
      const { series, x: ax, y: ay } = spec,
        format = ay.format ?? (ay.percent ? percent : number);
      c.empty.hidden = xs.length > 0;
      c.canvas.setAttribute(
        "aria-label",
        xs.length
          ? `${c.title.textContent}, ${(ax.said ?? ((x) => `${ax.label ?? "x"} ${number(x)}`))(xs.at(-1))}: ` +
              series.map((s) => `${s.name} ${format(s.ys.at(-1))}`).join(", ")
          : `${c.title.textContent}: ${c.empty.textContent}`,
      );
      const sheet = c.sheet();
      if (!sheet) return;
      const { g, W, H, fg } = sheet,
        color = (s) => s.color?.[dark ? "dark" : "light"] || fg,
        label = (s) => s.label ?? s.name;
      const room = Math.max(0, ...series.map((s) => (label(s) ? g.measureText(label(s)).width + 19 : 0)));
      const box = { left: 42, right: W - Math.min(Math.max(14, room), W / 3), top: 10, bottom: H - 34 };
      const usable = (y) => (y != null && Number.isFinite(y) && (!ay.log || y > 0) ? y : null);
      const clean = (ys) => (ay.log || ys.some((y) => y != null && !Number.isFinite(y)) ? ys.map(usable) : ys),
        raw = series.map((s) => clean(s.ys)),
        lines = series.map((s, n) => (s.drawn ? clean(s.drawn) : raw[n]));
      let low = ay.percent ? 0 : Infinity,
        high = ay.percent ? 1 : 0;
      if (!ay.percent)
        for (const ys of [...raw, ...lines, ...series.flatMap((s) => (s.lo ? [clean(s.lo), clean(s.hi)] : []))])
          for (const y of ys)
            if (y != null) {
              if (y < low) low = y;
              if (y > high) high = y;
            }
      if (!Number.isFinite(low)) [low, high] = [ay.log ? 0.01 : 0, 1];
      if (ay.log) {
        low = Math.max(low, high * 1e-7) * 0.9;
        high *= 1.1;
        if (high / low < 3) low = high / 3;
      } else if (!ay.percent) {
        low = Math.min(0, low);
        high = high * 1.03 || 1;
      } else high = 1.03;
      low = ay.low ?? low;
      high = ay.high ?? high;
      const x0 = xs[0] ?? 0,
        x1 = Math.max(xs.at(-1) ?? 1, x0 + (ax.least ?? 1)),
        most = ay.percent ? Math.min(high, 1) : high;
      const X = (x) => box.left + ((box.right - box.left) * (x - x0)) / (x1 - x0);
      const ratio = ay.log ? (y) => Math.log(y / low) / Math.log(high / low) : (y) => (y - low) / (high - low);
      const Y = (y) => box.bottom - (box.bottom - box.top) * Math.max(-0.02, ratio(y));
      pixels = xs.map(X);
      const places = (s) => (s.xs === xs ? pixels : s.xs.map(X));

      // Axes: hairlines, nice numbers, the unit below.
      g.fillStyle = g.strokeStyle = fg;
      g.textAlign = "right";
      if (xs.length) {
        for (const t of ay.percent && low === 0 && most === 1
          ? [0, 0.25, 0.5, 0.75, 1]
          : ay.log
            ? logTicks(low, high)
            : niceTicks(low, most, 6)) {
          g.globalAlpha = 0.13;
          g.beginPath();
          g.moveTo(box.left, Math.round(Y(t)) + 0.5);
          g.lineTo(box.right, Math.round(Y(t)) + 0.5);
          g.stroke();
          g.globalAlpha = 0.72;
          g.fillText(ay.percent ? `${Number((100 * t).toFixed(1))} %` : number(t), box.left - 6, Y(t));
        }
        g.textAlign = "center";
        g.globalAlpha = 0.72;
        for (const t of niceTicks(x0, x1, Math.max(2, Math.round((box.right - box.left) / 75)), ax.whole))
          g.fillText(String(t), X(t), box.bottom + 11);
        g.fillText(ax.label ?? "", (box.left + box.right) / 2, box.bottom + 26);
      }
      for (const mark of xs.length ? spec.marks : []) {
        g.globalAlpha = 0.5;
        g.setLineDash([2, 3]);
        g.beginPath();
        g.moveTo(X(mark.x), box.top);
        g.lineTo(X(mark.x), box.bottom);
        g.stroke();
        g.setLineDash([]);
        const right = X(mark.x) > (box.left + box.right) / 2;
        g.globalAlpha = 0.72;
        g.textAlign = right ? "right" : "left";
        g.fillText(mark.text ?? "", X(mark.x) + (right ? -5 : 5), box.top + 6);
      }

      // Lines. With more points than pixels, each pixel column keeps its lowest and highest point.
      const path = (ys, px) => {
        g.beginPath();
        let pen = false;
        const to = (i, y) => {
          if (pen) g.lineTo(px[i], Y(y));
          else {
            g.moveTo(px[i] - 0.01, Y(y));
            g.lineTo(px[i], Y(y));
            pen = true;
          }
        };
        for (let i = 0; i < ys.length; i++) {
          if (ys[i] == null) {
            pen = false;
            continue;
          }
          if (ys.length <= 1500) {
            to(i, ys[i]);
            continue;
          }
          let least = i,
            top = i,
            j = i;
          for (; j < ys.length && ys[j] != null && px[j] < px[i] + 1; j++) {
            if (ys[j] < ys[least]) least = j;
            if (ys[j] > ys[top]) top = j;
          }
          for (const m of least < top ? [least, top] : [top, least]) to(m, ys[m]);
          i = j - 1;
        }
        g.stroke();
      };
      const band = (s, px) => {
        // each stretch without a gap is one area
        g.globalAlpha = 0.16;
        for (let i = 0; i < px.length; i++) {
          const from = i;
          while (i < px.length && usable(s.lo[i]) != null && usable(s.hi[i]) != null) i++;
          if (i - from < 2) continue;
          g.beginPath();
          for (let k = from; k < i; k++) g.lineTo(px[k], Y(s.hi[k]));
          for (let k = i - 1; k >= from; k--) g.lineTo(px[k], Y(s.lo[k]));
          g.fill();
        }
      };
      const stamp = (name, x, y) => {
        g.translate(x, y);
        g.fill(new Path2D(SHAPES[name]));
        g.translate(-x, -y);
      };
      const ends = [];
      for (const n of [...series.keys()].sort(
        (a, b) => Number(Boolean(series[a].bold)) - Number(Boolean(series[b].bold)) || a - b,
      )) {
        // bold on top
        const s = series[n],
          ys = lines[n],
          px = places(s);
        g.strokeStyle = g.fillStyle = color(s);
        if (s.lo) band(s, px);
        if (s.faint) {
          g.globalAlpha = 0.22;
          g.lineWidth = 1;
          path(raw[n], px);
        }
        g.globalAlpha = s.pale ? 0.45 : 1;
        g.lineWidth = s.bold ? 3.2 : s.pale ? 1.2 : 1.7;
        g.setLineDash(s.dash ?? []);
        path(ys, px);
        g.setLineDash([]);
        if (s.dots)
          ys.forEach((y, i) => {
            if (y != null) {
              g.beginPath();
              g.arc(px[i], Y(y), s.bold ? 3.2 : 2.2, 0, 7);
              g.fill();
            }
          });
        if (s.marker)
          for (let i = 0, next = -Infinity; i < ys.length; i++)
            if (ys[i] != null && (px[i] >= next || i === ys.length - 1)) {
              stamp(s.marker, px[i], Y(ys[i]));
              next = (next === -Infinity ? px[i] - 17 * (n % 4) : px[i]) + 68;
            }
        const last = ys.findLastIndex((y) => y != null);
        if (last >= 0 && label(s)) ends.push({ n, x: px[last], y: Y(ys[last]) });
      }

      // Names at the line ends: a few are pushed apart where lines meet; of many, only those that have room are written.
      const few = ends.length <= FEW,
        rank = ({ n }) => (series[n].bold ? -1 : (series[n].rank ?? n));
      ends.sort((a, b) => (few ? a.y - b.y || b.n - a.n : rank(a) - rank(b)));
      ends.forEach((e, i) => {
        e.at = few ? Math.max(e.y, i ? ends[i - 1].at + GAP : 8) : e.y;
      });
      if (few)
        for (let i = ends.length - 1, floor = box.bottom; i >= 0; i--)
          floor = (ends[i].at = Math.min(ends[i].at, floor)) - GAP;
      g.textAlign = "left";
      for (const { n, x, y, at } of ends.filter(
        (e, i) => few || (e.named = !ends.slice(0, i).some((o) => o.named && Math.abs(o.at - e.at) < GAP)),
      )) {
        const s = series[n];
        g.strokeStyle = color(s);
        g.lineWidth = 1.5;
        g.globalAlpha = 0.6;
        g.beginPath();
        g.moveTo(Math.max(x, box.right) + 2, y);
        g.lineTo(box.right + 10, at);
        const early = x < box.right - 2;
        if (!early) g.stroke();
        g.globalAlpha = s.bold ? 1 : 0.8;
        g.fillStyle = fg;
        g.font = `${s.bold ? 700 : 400} ${FONT}`;
        g.fillText(label(s), early ? x + 7 : box.right + 13, at);
      }
      g.globalAlpha = 1;
      g.font = FONT;
      card(g, fg, box, W, raw, places, Y, color, format);
    };

    // The hover card: an upright line, a dot on every curve, and the values in words.
    function card(g, fg, box, W, lines, places, Y, color, format) {
      c.tip.hidden = hover == null || !xs.length;
      if (c.tip.hidden) return;
      const i = nearest(xs, hover),
        x = pixels[i],
        near = (xs.at(-1) - xs[0]) / 200;
      g.strokeStyle = fg;
      g.globalAlpha = 0.45;
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(x, box.top);
      g.lineTo(x, box.bottom);
      g.stroke();
      g.globalAlpha = 1;
      const rows = spec.series.map((s, n) => {
        const k = s.xs === xs ? i : nearest(s.xs, xs[i]),
          beside = xs[i] < s.xs[0] - near || xs[i] > s.xs.at(-1) + near,
          y = beside ? null : lines[n][k];
        if (y != null) {
          g.fillStyle = color(s);
          g.beginPath();
          g.arc(places(s)[k], Y(y), 3.5, 0, 7);
          g.fill();
        }
        return h(
          "div",
          s.bold ? "now" : "",
          h("span", "", sign(s), s.name),
          h("span", "", format(beside ? null : s.ys[k])),
        );
      });
      const foot = spec.foot?.(xs[i], i);
      if (foot) rows.push(h("div", "", ...foot.map((text) => h("span", "", text))));
      c.tip.classList.toggle("many", spec.series.length > FEW);
      c.show(x, W, h("div", "", spec.head?.(xs[i], i) ?? `${spec.x.label ?? "x"} ${number(xs[i])}`), ...rows);
    }
    return c;
  }

  function live(root, list, paint) {
    let raf = 0,
      timer = 0;
    const now = () => {
      raf = 0;
      paint();
      for (const chart of list) chart.draw(root.dataset.theme === "dark");
    };
    const request = () => {
      raf ||= requestAnimationFrame(now);
    };
    for (const chart of list) chart.ask = request;
    const stopTheme = followTheme(root),
      sizes = new ResizeObserver(request);
    const theme = new MutationObserver(() => {
      request();
      clearTimeout(timer);
      timer = setTimeout(request, 400);
    }); // the page may fade its colours
    theme.observe(root, { attributes: true, attributeFilter: ["data-theme"] });
    for (const chart of list) sizes.observe(chart.canvas); // also tells when the root is attached after render
    return {
      request,
      now,
      dispose: () => {
        stopTheme();
        theme.disconnect();
        sizes.disconnect();
        cancelAnimationFrame(raf);
        clearTimeout(timer);
      },
    };
  }
  return { STYLE, base, line, live, sign, table, number, smoothed };
})();
