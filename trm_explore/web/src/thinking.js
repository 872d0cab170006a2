// Thinking longer: accuracy after every cycle on held-out puzzles, beyond training too; and for the puzzle at hand where the halting head would
// stop. render({ model, el }) -> disposer. Reads `measured` (app/measuring.py), `view`, `step`;
// choosing a step sets it. el.dataset: ready, cycles, trained, stop.

import { DARK, LOOK, fill, h, percent, put } from "./common.js";
import { charts } from "./charts.js";

const CSS = `
.th { ${LOOK} } .th[data-theme=dark] { ${DARK} } .th *, .th *::before, .th *::after { box-sizing: border-box } .th [hidden] { display: none !important } ${charts.STYLE}
.th-pair { display: grid; grid-template-columns: 1fr 1fr; gap: 12px } .th-said { font-size: 13px; padding: 4px 2px 0; min-height: 2.9em } .th-mute { color: var(--mute); font-size: 12.5px }
.th-strip { display: flex; gap: 3px; padding: 10px 2px 2px; overflow-x: auto } .th-strip button { --c: var(--light); flex: 1 1 0; min-width: 24px; max-width: 60px; padding: 4px 0; border: 1px solid transparent; border-radius: 7px; background: transparent; color: inherit; font: 12px/1.25 system-ui; cursor: pointer; display: flex; flex-direction: column; align-items: center; gap: 3px }
.th[data-theme=dark] .th-strip button { --c: var(--dark) } .th-strip button:hover { border-color: var(--line) } .th-strip [aria-checked=true] { border-color: var(--fg) } .th-strip button:focus-visible { outline: 2px solid var(--fg); outline-offset: 1px }
.th-bar { position: relative; width: 100%; height: 92px; display: flex; align-items: flex-end; justify-content: center; border-bottom: 1px solid var(--fg) } .th-bar::before { content: ""; position: absolute; left: 0; right: 0; bottom: calc(var(--limit) * 100%); border-top: 1px dashed var(--mute) }
.th-bar i { width: 62%; height: calc(var(--p) * 100%); min-height: 1px; background: var(--c); border-radius: 3px 3px 0 0 } .th-mark { font-weight: 700; min-height: 1.25em } .th-mark.no { color: var(--bad) }
.th-stop { min-height: 1.25em; font-weight: 700; font-size: 10.5px } @media (max-width: 720px) { .th-pair { grid-template-columns: 1fr } }`;
/** @type {[string, string, string, number[]][]} */
const LINES = [
  ["exact_accuracy", "#1f6f80", "#4fc0cf", []],
  ["cell_accuracy", "#8a5a00", "#e0a63b", [5, 4]],
  ["r2", "#6b3fa0", "#b794f4", [2, 3]],
];

function render({ model, el }) {
  const style = document.createElement("style"),
    words = TEXTS.thinking;
  style.textContent = CSS;
  const chart = charts.line({ title: words.title, empty: words.empty, height: 190 });
  const said = h("div", "th-said"),
    strip = h("div", "th-strip"),
    verdict = h("div", "th-said"),
    all = h("div", "th-mute");
  const halting = h(
    "section",
    "tc-card",
    h("div", "tc-title", words.halting),
    h("div", "th-mute", words.strip),
    strip,
    verdict,
    all,
  );
  const root = h("div", "th", style, h("div", "th-pair", h("div", "", chart.node, said), halting));
  strip.setAttribute("role", "radiogroup");
  strip.setAttribute("aria-label", words.halting);
  verdict.setAttribute("aria-live", "polite");
  said.setAttribute("aria-live", "polite");
  el.replaceChildren(root);
  let drawn = null;

  function build(view) {
    const { halt, right, stop, threshold } = view.halting;
    strip.style.setProperty("--limit", threshold);
    strip.replaceChildren(
      ...halt.map((p, k) => {
        const bar = h("i"),
          node = h(
            "button",
            "",
            h("span", "th-stop", k === stop ? words.stops : ""),
            h("span", "th-bar", bar),
            h("span", `th-mark${right && !right[k] ? " no" : ""}`, right ? (right[k] ? "✓" : "×") : "·"),
            String(k),
          );
        node.type = "button";
        node.dataset.step = k;
        node.setAttribute("role", "radio");
        node.setAttribute(
          "aria-label",
          fill(words.step, { step: k, p: percent(p), right: right ? (right[k] ? words.right : words.wrong) : "" }) +
            (k === stop ? `, ${words.stops}` : ""),
        );
        bar.style.setProperty("--p", p);
        node.style.setProperty("--light", view.colors.light[k]);
        node.style.setProperty("--dark", view.colors.dark[k]);
        return node;
      }),
    );
  }
  const paint = () => {
    const told = model.get("view"),
      view = told?.none ? null : told,
      found = model.get("measured"),
      measured = found?.model === view?.model ? found : null,
      accuracy = measured?.accuracy,
      step = model.get("step");
    root.hidden = Boolean(told?.none); // there is no model to look at
    halting.hidden = !view;
    if (view && view !== drawn) {
      build(view);
      drawn = view;
    }
    const last = (view?.steps ?? 1) - 1,
      chosen = Number.isInteger(step) ? Math.max(0, Math.min(last, step)) : last;
    for (const node of strip.children) {
      const on = Number(node.dataset.step) === chosen;
      node.setAttribute("aria-checked", String(on));
      node.tabIndex = on ? 0 : -1;
    }
    put(verdict, view?.halting.text ?? "");
    put(all, measured?.halting.text ?? "");
    put(said, accuracy?.text ?? "");
    const xs = (accuracy?.exact_accuracy ?? []).map((_, k) => k + 1),
      marks = [];
    if (accuracy)
      marks.push({ x: Math.min(accuracy.trained, xs.length), text: fill(words.trained, { cycles: accuracy.trained }) });
    if (view && accuracy && view.steps !== accuracy.trained) marks.push({ x: view.steps, text: words.here });
    chart.set({
      series: accuracy
        ? LINES.filter(([name]) => accuracy[name]?.length).map(([name, light, dark, dash]) => ({
            name: words[name],
            color: { light, dark },
            dash,
            xs,
            ys: accuracy[name].map((y) => (y == null ? null : Math.max(0, y))),
            dots: xs.length < 20,
            bold: name === "exact_accuracy",
          }))
        : [],
      x: { label: words.cycles, whole: true },
      y: { percent: true, high: 1.18 },
      marks,
      head: (x) => fill(words.after, { cycles: x }),
    });
    Object.assign(el.dataset, {
      cycles: xs.length,
      trained: accuracy?.trained ?? "",
      stop: view?.halting.stop ?? "",
      steps: view?.steps ?? "",
    });
  };
  const live = charts.live(root, [chart], paint);
  const choose = (k) => {
    model.set("step", k);
    model.save_changes();
  };
  strip.addEventListener("click", (event) => {
    const node = event.target.closest("[data-step]");
    if (node) choose(Number(node.dataset.step));
  });
  strip.addEventListener("keydown", (event) => {
    const at = Number(event.target.closest("[data-step]")?.dataset.step),
      last = strip.children.length - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(Math.max(0, Math.min(last, to)));
    strip.children[Math.max(0, Math.min(last, to))].focus();
  });
  const listeners = { "change:view": live.request, "change:measured": live.request, "change:step": live.request };
  for (const name in listeners) model.on(name, listeners[name]);
  live.now();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    live.dispose();
  };
}

export default { render };
