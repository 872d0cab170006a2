// A run's controls and buttons, for notebooks. `controls` says which there are: [{ name, kind, label, info, options, least, most, by, for_schedules, with_supervision }], kind one of
// choice, switch, range, number, weights; each is a name of the model. Buttons emit train, pause, go_on, one_update, stop and follow `state`.
// render({ model, el }) -> disposer; el.dataset: ready, state.

import { DARK, LOOK, followTheme, h, put } from "./common.js";

const W = TEXTS.steering;
const CSS = `
.ts { ${LOOK} } .ts[data-theme=dark] { ${DARK} } .ts *, .ts *::before { box-sizing: border-box } .ts [hidden] { display: none !important }
.ts-fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 138px), 1fr)); gap: 10px 18px; align-items: start }
.ts-fields:empty { display: none } .ts label { display: block; margin: 0; font-size: 13px; color: inherit; min-width: 0 } .ts small { display: block; color: var(--mute); font-size: 11.5px; line-height: 1.3 }
.ts label b { font-weight: 600 } .ts-row { display: flex; gap: 8px; align-items: center; margin-top: 3px } .ts-row output { min-width: 2.2em; text-align: right; font-variant-numeric: tabular-nums }
.ts :is(select, input[type=number], input[type=text]) { width: 100%; height: 30px; font: inherit; color: var(--fg); background: var(--bg); border: 1px solid color-mix(in srgb, var(--fg) 45%, transparent); border-radius: 6px; padding: 0 8px; min-width: 0; margin: 0 }
.ts option { background: var(--bg); color: var(--fg) } .ts :is(input[type=range], input[type=checkbox]) { accent-color: var(--fg); margin: 0 } .ts input[type=range] { flex: 1; min-width: 40px }
.ts label:has(:disabled) { opacity: .5 } .ts-buttons { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 12px }
.ts-fields:empty + .ts-buttons { margin-top: 0 }
.ts button { height: 34px; padding: 0 14px; border: 1px solid color-mix(in srgb, var(--fg) 45%, transparent); border-radius: 8px; background: transparent; color: inherit; font: inherit; cursor: pointer }
.ts button:hover:enabled { border-color: var(--fg) } .ts button:disabled { opacity: .45; cursor: default } .ts button.main:enabled { background: var(--fg); color: var(--bg); border-color: var(--fg) }
.ts :is(button, select, input):focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }`;

const ACTIVE = ["queued", "preparing", "running", "paused"];

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };

  // One control: its node, and `show`, which puts the model's value into it.
  function field(c) {
    const input = h(c.kind === "choice" ? "select" : "input"),
      said = h("output"),
      put_in = (value) => {
        input.value = String(value ?? "");
      };
    input.name = c.name;
    let show = put_in,
      read = () => Number(input.value);
    if (c.kind === "choice") {
      input.append(
        ...c.options.map(([title, value]) => {
          const node = h("option", "", title);
          node.value = value;
          return node;
        }),
      );
      read = () => input.value;
    } else if (c.kind === "switch") {
      input.type = "checkbox";
      [show, read] = [
        (value) => {
          input.checked = value;
        },
        () => input.checked,
      ];
    } else if (c.kind === "weights") {
      input.type = "text";
      show = (value) => put_in((value || []).join(" "));
      read = () => {
        const found = input.value
          .split(/[\s,;]+/)
          .filter(Boolean)
          .map(Number);
        return found.every((x) => Number.isFinite(x) && x >= 0) && found.some(Boolean) ? found : [];
      };
    } else {
      Object.assign(input, { type: c.kind, min: c.least, max: c.most, step: c.by });
      show = (value) => {
        if (c.kind === "range") input.max = Math.max(c.most, value);
        put_in(value);
        put(said, String(value));
      };
      read = () => {
        const x = Math.max(c.least, Math.min(c.kind === "range" ? Number(input.max) : c.most, Number(input.value)));
        return c.by === 1 ? Math.round(x) : x;
      };
    }
    const change = () => {
      if (c.kind === "number" && input.value === "") show(model.get(c.name));
      else {
        set(c.name, read());
        if (c.kind === "number") show(model.get(c.name));
        else if (c.kind === "range") put(said, input.value);
      }
    };
    input.addEventListener(c.kind === "range" ? "input" : "change", change);
    const row = c.kind === "range" ? h("span", "ts-row", input, said) : h("span", "ts-row", input);
    return {
      ...c,
      input,
      show,
      node: h("label", "", h("b", "", c.label), ...(c.info ? [h("small", "", c.info)] : []), row),
    };
  }

  const button = (name, onclick, cls = "") => {
    const node = h("button", cls, W[name]);
    node.type = "button";
    node.dataset.do = name;
    node.addEventListener("click", onclick);
    return node;
  };
  const state = () => model.get("state") || "",
    paused = () => state() === "paused",
    halted = () => state() === "interrupted";
  const train = button("train", () => model.emit("train"), "main"),
    pause = button("pause", () => model.emit(halted() ? "go_on" : paused() ? "train" : "pause"));
  const one = button("one_update", () => model.emit("one_update")),
    stop = button("stop", () => model.emit("stop"));
  const fields = (model.get("controls") || []).map(field);
  const root = h(
    "div",
    "ts",
    style,
    h("div", "ts-fields", ...fields.map((f) => f.node)),
    h("div", "ts-buttons", train, pause, one, stop),
  );
  el.replaceChildren(root);

  // Only what acts can be changed.
  function enable() {
    const on = model.get("enable_deep_supervision"),
      schedule = model.get("deep_supervision_schedule"),
      now = state(),
      active = ACTIVE.includes(now);
    for (const f of fields) {
      if (f.with_supervision) f.input.disabled = !on;
      if (f.for_schedules) f.node.hidden = !f.for_schedules.includes(schedule);
    }
    [train.disabled, pause.disabled, one.disabled, stop.disabled] = [active, !active, now === "queued", !active];
    pause.disabled = !active && !halted();
    put(pause, paused() || halted() ? W.resume : W.pause);
    el.dataset.state = now;
  }

  const listeners = { "change:state": enable };
  for (const f of fields) {
    f.show(model.get(f.name));
    listeners[`change:${f.name}`] = () => {
      if (document.activeElement !== f.input || f.kind !== "weights") f.show(model.get(f.name));
      enable();
    };
  }
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = followTheme(root);
  enable();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    stopTheme();
  };
}

export default { render };
