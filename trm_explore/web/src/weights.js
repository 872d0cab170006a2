// The weight vector of a schedule: a bar a step, the share of the total that each loss has, and the total with numbers. Moving a bar makes it the schedule custom.
// Shares `schedule`, `n_steps`, `base_weight`, `weights`, `colors`; all formulas are Python's. `options`: the schedules, [{ name, title, sentence, uses_base_weight }].
// render({ model, el }) -> disposer; el.dataset: ready, steps, divisor.

import { DARK, LOOK, fill, followTheme, h, percent, put } from "./common.js";

const W = TEXTS.weights;
const CSS = `
.tw { ${LOOK}; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); padding: 12px 14px } .tw[data-theme=dark] { ${DARK} }
.tw *, .tw *::before { box-sizing: border-box } .tw [hidden] { display: none !important }
.tw-tools { display: flex; flex-wrap: wrap; gap: 8px 22px; align-items: center; font-size: 13px } .tw label { display: inline-flex; gap: 8px; align-items: center; margin: 0; color: inherit; font-size: inherit }
.tw select { font: inherit; height: 30px; color: var(--fg); background: var(--bg); border: 1px solid color-mix(in srgb, var(--fg) 45%, transparent); border-radius: 6px; padding: 0 6px } .tw option { background: var(--bg); color: var(--fg) }
.tw input[type=range] { width: 110px; margin: 0; accent-color: var(--fg) } .tw output { min-width: 2.4em; font-variant-numeric: tabular-nums }
.tw-bars { display: flex; gap: 12px; align-items: flex-end; margin: 14px 0 8px; overflow-x: auto; padding: 2px }
.tw-step { --c: var(--light); flex: 1 1 56px; max-width: 120px; min-width: 56px; font-size: 12.5px; text-align: center; font-variant-numeric: tabular-nums } .tw[data-theme=dark] .tw-step { --c: var(--dark) }
.tw-bar { height: 110px; display: flex; align-items: flex-end; justify-content: center } .tw-bar i { width: 60%; min-height: 1.5px; background: var(--c); border-radius: 4px 4px 0 0; transition: height .15s }
.tw-step b { display: block; font-size: 14px } .tw-step span { display: block; color: var(--mute) } .tw .tw-step input { width: 100%; accent-color: var(--c) }
.tw-rule { color: var(--mute); font-size: 13px } .tw-total { font-size: 15px; margin-top: 6px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
.tw :is(select, input):focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
@media (prefers-reduced-motion: reduce) { .tw * { transition: none !important } }`;

const number = (x) => String(Number(Number(x).toFixed(3)));

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const range = (least, most, by, oninput) => {
    const input = h("input");
    Object.assign(input, { type: "range", min: least, max: most, step: by });
    input.addEventListener("input", () => oninput(Number(input.value)));
    return input;
  };
  const select = h(
    "select",
    "",
    ...model.get("options").map(({ title, name }) => {
      const node = h("option", "", title);
      node.value = name;
      return node;
    }),
  );
  select.addEventListener("change", () => set("schedule", select.value));
  const steps = range(1, 8, 1, (x) => set("n_steps", x)),
    base = range(0, 1, 0.05, (x) => set("base_weight", x)),
    stepsSaid = h("output"),
    baseSaid = h("output");
  const baseLabel = h("label", "", W.base, base, baseSaid),
    bars = h("div", "tw-bars"),
    rule = h("div", "tw-rule"),
    total = h("div", "tw-total");
  bars.setAttribute("role", "group");
  bars.setAttribute("aria-label", W.bars);
  total.setAttribute("aria-live", "polite");
  const root = h(
    "div",
    "tw",
    style,
    h("div", "tw-tools", h("label", "", W.schedule, select), h("label", "", W.steps, steps, stepsSaid), baseLabel),
    bars,
    rule,
    total,
  );
  el.replaceChildren(root);
  let columns = [];

  function paint() {
    const weights = model.get("weights"),
      schedule = model.get("schedule"),
      S = weights.length,
      colors = model.get("colors"),
      b = model.get("base_weight");
    const divisor = weights.reduce((sum, w) => sum + w, 0),
      top = Math.max(1, ...weights);
    if (columns.length !== S) {
      columns = weights.map((_, k) => {
        const bar = h("i"),
          value = h("b"),
          share = h("span"),
          slide = range(0, 1, 0.01, (x) =>
            set(
              "weights",
              model.get("weights").map((w, i) => (i === k ? x : w)),
            ),
          );
        slide.setAttribute("aria-label", fill(W.weight_of, { step: k }));
        return {
          bar,
          value,
          share,
          slide,
          node: h(
            "div",
            "tw-step",
            h("div", "tw-bar", bar),
            value,
            share,
            h("span", "", fill(k === S - 1 ? W.final : W.step, { step: k })),
            slide,
          ),
        };
      });
      bars.replaceChildren(...columns.map((c) => c.node));
    }
    columns.forEach((c, k) => {
      c.node.style.setProperty("--light", colors.light[k]);
      c.node.style.setProperty("--dark", colors.dark[k]);
      c.bar.style.height = `${(100 * weights[k]) / top}%`;
      put(c.value, number(weights[k]));
      put(c.share, fill(W.share, { part: percent(weights[k] / divisor) }));
      c.slide.max = String(Math.max(1, weights[k]));
      if (document.activeElement !== c.slide) c.slide.value = String(weights[k]);
    });
    select.value = schedule;
    steps.max = String(Math.max(8, S));
    steps.value = String(S);
    put(stepsSaid, String(S));
    base.max = String(Math.max(1, b));
    base.value = String(b);
    put(baseSaid, number(b));
    const { uses_base_weight, sentence } = model.get("options").find(({ name }) => name === schedule);
    baseLabel.hidden = !uses_base_weight;
    put(rule, fill(sentence, { b: number(b), half: number(b / 2), S }));
    put(
      total,
      fill(W.total, { sum: weights.map((w, k) => `${number(w)} · l${k}`).join(" + "), divisor: number(divisor) }),
    );
    Object.assign(el.dataset, { steps: S, divisor: number(divisor) });
  }

  const listeners = Object.fromEntries(
    ["weights", "schedule", "base_weight", "colors"].map((name) => [`change:${name}`, paint]),
  );
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = followTheme(root);
  paint();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    stopTheme();
  };
}

export default { render };
