// Inside: the way of the states through the latent space, how far every cycle moves them, from where a cell gets what it says, how far each loss
// reaches. render({ model, el }) -> disposer. Reads `measured`,
// `latent`, `influence` (app/measuring.py), `view`, `message`, `step`, `cell`; emits "ask" with { cell } when the influence on a cell is wanted.
// el.dataset: ready, cell, asked, step.

import { DARK, LOOK, fill, h, percent, put } from "./common.js";
import { answers } from "./answers.js";
import { charts } from "./charts.js";
import { maps } from "./maps.js";

const CSS = `
.in { ${LOOK} } .in[data-theme=dark] { ${DARK} } .in *, .in *::before, .in *::after { box-sizing: border-box } .in [hidden] { display: none !important } ${charts.STYLE}
.in-grid { display: grid; grid-template-columns: 1fr 1fr; gap: 12px } .in-grid > div { min-width: 0 } .in-said { font-size: 12.5px; color: var(--mute); padding: 4px 2px 0; min-height: 1.45em }
.in select { font: inherit; font-size: 12.5px; color: inherit; background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: 3px 6px }
@media (max-width: 720px) { .in-grid { grid-template-columns: 1fr } }`;
const TEAL = { light: "#1f6f80", dark: "#4fc0cf" },
  BROWN = { light: "#8a5a00", dark: "#e0a63b" };
const LATER = 250; // ms after the last choice of a cell until the server is asked

function render({ model, el }) {
  const style = document.createElement("style"),
    words = TEXTS.inside;
  style.textContent = CSS;
  const source = h("select");
  source.setAttribute("aria-label", words.source);
  const plane = maps.plane({ title: words.latent, empty: words.wait, height: 280 }),
    change = charts.line({ title: words.change, empty: words.wait, height: 280 });
  const map = maps.heat({ title: words.influence, empty: words.wait, height: 240, tools: [source] }),
    gradients = maps.heat({ title: words.gradients, empty: words.wait, height: 240 });
  const notes = Array.from({ length: 4 }, () => h("div", "in-said")),
    list = [plane, change, map, gradients];
  const root = h(
    "div",
    "in",
    style,
    h("div", "in-grid", ...list.map((chart, n) => h("div", "", chart.node, notes[n]))),
  );
  notes[2].setAttribute("aria-live", "polite");
  el.replaceChildren(root);
  let timer = 0,
    asked = null;

  const frame = () => model.get("message")?.frames?.at(-1) ?? null;
  const place = (i, { rows, cols }) =>
    fill(rows === 1 ? words.column : words.place, { row: Math.floor(i / cols) + 1, col: (i % cols) + 1 });
  function cellNow() {
    const shown = frame(),
      cell = model.get("cell"),
      L = shown ? answers.size(shown) : 0;
    if (Number.isInteger(cell) && cell >= 0 && cell < L) return cell;
    const free = shown?.given?.findIndex((given) => !given) ?? -1;
    return free < 0 ? 0 : free;
  }
  // The server is asked once the choice has settled, and again when model, puzzle or cycles are others.
  function ask() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const wanted = `${model.get("view")?.key} ${cellNow()}`;
      if (!frame() || wanted === asked) return;
      asked = wanted;
      model.emit?.("ask", { cell: cellNow() });
    }, LATER);
  }

  function paint() {
    const told = model.get("view"),
      view = told?.none ? null : told,
      one = (name, key) => (view && model.get(name)?.[key] === view[key] ? model.get(name) : null),
      measured = one("measured", "model"),
      influence = one("influence", "key"),
      shown = frame(),
      wanted = model.get("step"),
      cell = cellNow();
    root.hidden = Boolean(told?.none); // there is no model to look at
    const last = (view?.steps ?? 1) - 1,
      step = Number.isInteger(wanted) ? Math.max(0, Math.min(last, wanted)) : last;
    const latent = one("latent", "key"),
      colors = latent?.colors,
      grey = { light: "#6b7280", dark: "#9ca3af" };
    const byStep = colors && { light: [grey.light, ...colors.light], dark: [grey.dark, ...colors.dark] };
    /** @type {any[]} */
    const ways = latent ? [{ name: words.mean, points: latent.mean_path, bold: true, colors: byStep }] : [];
    if (latent?.paths[cell] && latent.paths.length > 1)
      ways.push({ name: words.this, points: [latent.start, ...latent.paths[cell]], colors: byStep, dash: [4, 3] });
    plane.set({
      cloud: latent?.cloud ?? [],
      ways,
      step: step + 1,
      x: latent ? fill(words.first, { part: percent(latent.explained[0]) }) : "",
      y: latent ? fill(words.second, { part: percent(latent.explained[1] ?? 0) }) : "",
      head: (n, k) => `${ways[n].name}, ${k ? fill(words.after, { step: k - 1 }) : words.start}`,
    });
    put(notes[0], latent?.text ?? "");

    const moved = view?.change,
      xs = moved?.z_H.map((_, k) => k) ?? [];
    change.set({
      series: moved
        ? [
            { name: "z_H", color: TEAL, dash: [] },
            { name: "z_L", color: BROWN, dash: [5, 4] },
          ].map((line) => ({
            ...line,
            xs,
            ys: moved[line.name],
            dots: xs.length < 20,
            bold: line.name === "z_H",
          }))
        : [],
      x: { label: words.steps, whole: true },
      y: { log: true },
      head: (x) => fill(words.by, { step: x }),
      marks: moved && view.steps > view.trained ? [{ x: view.trained - 1, text: words.trained }] : [],
    });
    put(notes[1], moved?.text ?? "");

    const kinds = [words.norms, ...(influence?.heads ?? []).map((_, n) => fill(words.head, { head: n }))];
    if (source.children.length !== kinds.length)
      source.replaceChildren(
        ...kinds.map((name, n) => {
          const option = h("option", "", name);
          option.value = n;
          return option;
        }),
      );
    source.hidden = kinds.length < 2;
    const rows = (Number(source.value) ? influence?.heads[Number(source.value) - 1] : influence?.matrix) ?? [],
      fits = influence && shown && influence.rows * influence.cols === answers.size(shown);
    const values = fits ? (rows[Math.min(step, rows.length - 1)] ?? []) : [],
      top = Math.max(1e-12, ...values);
    map.set({
      values: values.map((v) => (v == null ? null : Math.sqrt(v / top))),
      rows: influence?.rows ?? 0,
      cols: influence?.cols ?? 0,
      low: 0,
      high: 1,
      color: TEAL,
      texts:
        fits && !answers.isReal(shown)
          ? shown.inputs.map((id) =>
              answers.roleOf(shown, id) === "wall" ? "" : (shown.board.symbols?.[id] ?? "").trim(),
            )
          : null,
      chosen: fits ? [Math.floor(influence.cell / influence.cols), influence.cell % influence.cols] : null,
      head: (row, col) =>
        fill(words.part, {
          place: place(row * influence.cols + col, influence),
          part: percent(values[row * influence.cols + col] / top),
        }),
    });
    map.node.parentNode.hidden = Boolean(shown) && answers.size(shown) < 2; // one position has no other to look at
    put(
      notes[2],
      fits ? fill(words.reads, { place: place(influence.cell, influence), step: Math.min(step, rows.length - 1) }) : "",
    );

    const reached = measured?.gradients,
      S = reached?.states.length ?? 0,
      flat = reached?.states.flat() ?? [],
      known = flat.filter((v) => v > 0),
      least = Math.min(...known) / 3;
    gradients.set({
      values: flat.map((v, i) => (v > 0 ? Math.log(v / least) : i % S > Math.floor(i / S) ? null : 0)),
      rows: S,
      cols: S,
      low: 0,
      color: BROWN,
      texts: S > 4 ? null : flat.map((v) => (v > 0 ? charts.number(v) : "")),
      head: (row, col) => fill(words.reach, { loss: row, cycle: col, norm: charts.number(flat[row * S + col]) }),
    });
    put(
      notes[3],
      reached
        ? fill(words.network, { scope: reached.scope, norms: reached.network.map(charts.number).join(", ") })
        : "",
    );
    Object.assign(el.dataset, {
      cell,
      asked: fits ? influence.cell : "",
      step,
      latent: latent ? ways.length : 0,
      gradients: S,
    });
  }
  const live = charts.live(root, list, paint);
  map.onpick = (row, col) => model.set("cell", row * model.get("influence").cols + col);
  plane.onpick = (n, k) => {
    if (k) model.set("step", k - 1);
  };
  source.addEventListener("change", live.request);
  const onCell = () => {
    ask();
    live.request();
  };
  const listeners = {
    "change:measured": live.request,
    "change:latent": live.request,
    "change:view": () => {
      ask();
      live.request();
    },
    "change:message": live.request,
    "change:influence": live.request,
    "change:step": live.request,
    "change:cell": onCell,
  };
  for (const name in listeners) model.on(name, listeners[name]);
  live.now();
  ask();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    live.dispose();
    clearTimeout(timer);
  };
}

export default { render };
