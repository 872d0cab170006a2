// Intervene: change the running answer. At the player's step and chosen cell a symbol (or a number) can be set, or a state be disturbed; a list of
// the changes, and what became of them. render({ model, el }) -> disposer. Reads
// `message` (its newest frame), `step`, `cell`, and of `view` edits, recovery, colors; keeps the step of `after.step`, the second player's, the same.
// Emits "edits" with { edits: [{ kind: "cell", step, cell, token } | { kind: "noise", step, state, scale, seed }] }. el.dataset: ready, edits, back.

import { DARK, LOOK, fill, followTheme, h, put } from "./common.js";
import { answers } from "./answers.js";

const CSS = `
.iv { ${LOOK}; --c: var(--light) } .iv[data-theme=dark] { ${DARK}; --c: var(--dark) } .iv *, .iv *::before, .iv *::after { box-sizing: border-box } .iv [hidden] { display: none !important }
.iv-card { display: grid; grid-template-columns: 1fr 1fr; gap: 14px 26px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); padding: 14px }
.iv-part { display: flex; flex-direction: column; gap: 8px; min-width: 0 } .iv-part h4 { margin: 0; font-size: 14px; font-weight: 650 } .iv-whole { grid-column: 1 / -1 } .iv-whole.none { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
.iv-row { display: flex; flex-wrap: wrap; gap: 6px; align-items: center } .iv-where { min-height: 1.45em }
.iv button { min-width: 38px; height: 38px; padding: 0 12px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit; cursor: pointer }
.iv button:hover:enabled { border-color: var(--fg) } .iv button:disabled { opacity: .45; cursor: default } .iv :is(button, input):focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.iv button[aria-pressed=true] { background: var(--fg); color: var(--bg); border-color: var(--fg) } .iv input[type=range] { accent-color: var(--fg); flex: 1 1 120px; margin: 0 }
.iv input[type=number] { width: 96px; height: 38px; padding: 0 8px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit }
.iv-list { display: flex; flex-wrap: wrap; gap: 6px; margin: 0; padding: 0; list-style: none } .iv-list li { display: inline-flex; align-items: center; gap: 2px; border: 1px solid var(--line); border-radius: 999px; padding: 0 4px 0 12px; font-size: 13px }
.iv .iv-list button { border: 0; min-width: 32px; height: 32px; padding: 0 } .iv-outcome { font-size: 16px; font-weight: 600 } .iv-mute { color: var(--mute); font-size: 12.5px }
.iv-strip { display: flex; gap: 3px; align-items: flex-end; height: 46px } .iv-strip span { flex: 1 1 0; max-width: 34px; min-width: 4px; display: flex; flex-direction: column; justify-content: flex-end; font-size: 11px; text-align: center; line-height: 1.2 }
.iv-strip i { display: block; background: color-mix(in srgb, var(--bad) 70%, var(--bg)); border-radius: 3px 3px 0 0; min-height: 2px } .iv-strip .none i { background: var(--line) }
@media (max-width: 720px) { .iv-card { grid-template-columns: 1fr } }`;

function render({ model, el }) {
  const style = document.createElement("style"),
    words = TEXTS.intervene;
  style.textContent = CSS;
  const button = (text, onclick, label) => {
    const node = h("button", "", text);
    node.type = "button";
    if (label) {
      node.setAttribute("aria-label", label);
      node.title = label;
    }
    node.addEventListener("click", onclick);
    return node;
  };
  const where = h("div", "iv-where"),
    symbols = h("div", "iv-row"),
    when = h("div", "iv-where"),
    list = h("ul", "iv-list"),
    outcome = h("div", "iv-outcome"),
    strip = h("div", "iv-strip"),
    caption = h("div", "iv-mute");
  const strength = h("input"),
    strong = h("output", "iv-mute");
  Object.assign(strength, { type: "range", min: "0.1", max: "3", step: "0.1", value: "1" });
  strength.setAttribute("aria-label", words.strength);
  const early = button(words.early, () => {
    model.set("step", 0);
    model.save_changes();
  });
  const states = ["z_H", "z_L"].map((name) =>
    button(
      name,
      () => {
        state = name;
        request();
      },
      fill(words.state, { name }),
    ),
  );
  const add = button(words.add, () =>
      change({ kind: "noise", step, state, scale: Number(strength.value), seed: ++seed }),
    ),
    undo = button(words.undo, () => send([]));
  const whole = h("div", "iv-part iv-whole", h("div", "iv-row", list, undo), outcome, strip, caption);
  const root = h(
    "div",
    "iv",
    style,
    h(
      "section",
      "iv-card",
      h("div", "iv-part", h("h4", "", words.cell_title), where, h("div", "iv-row", early), symbols),
      h("div", "iv-part", h("h4", "", words.noise_title), when, h("div", "iv-row", ...states, strength, strong, add)),
      whole,
    ),
  );
  outcome.setAttribute("aria-live", "polite");
  where.setAttribute("aria-live", "polite");
  strip.setAttribute("role", "img");
  el.replaceChildren(root);

  let frame = null,
    step = 0,
    cell = null,
    state = "z_H",
    seed = 0,
    edits = [],
    recovery = null,
    shown = "",
    raf = 0,
    offered = "";
  const last = () => frame.steps.length - 1;
  const named = (token) => answers.roleOf(frame, token) || (frame.board.symbols?.[token] ?? String(token)).trim();
  const send = (next) => {
    edits = next;
    model.emit?.("edits", { edits });
    request();
  };
  const change = (edit) =>
    send([
      ...edits.filter(
        (old) => !(edit.kind === "cell" && old.kind === "cell" && old.step === edit.step && old.cell === edit.cell),
      ),
      edit,
    ]);
  const cellName = (i) =>
    answers.kindOf(frame) === "plane"
      ? words.point
      : fill(frame.board.rows === 1 ? words.column : words.place, {
          row: Math.floor(i / frame.board.cols) + 1,
          col: (i % frame.board.cols) + 1,
        });
  const said = (edit) =>
    edit.kind === "noise"
      ? fill(words.noise, { step: edit.step, state: edit.state, scale: edit.scale })
      : fill(words.set, {
          step: edit.step,
          cell: cellName(edit.cell),
          symbol: []
            .concat(edit.token)
            .map((t) => (answers.isReal(frame) ? answers.short(t) : named(t)))
            .join(", "),
        });

  // What may be set: every symbol that means something, or numbers.
  function offer() {
    const real = answers.isReal(frame),
      now = JSON.stringify([real, answers.kindOf(frame), frame.board.symbols, frame.board.roles]);
    if (now === offered) return;
    offered = now;
    if (real) {
      const boxes = (answers.kindOf(frame) === "plane" ? ["x", "y"] : [words.number]).map((name) => {
        const box = h("input");
        Object.assign(box, { type: "number", step: "0.1", value: "0" });
        box.setAttribute("aria-label", name);
        return box;
      });
      const set = button(words.put, () => {
        const numbers = boxes.map((box) => Number(box.value));
        change({ kind: "cell", step, cell, token: numbers.length > 1 ? numbers : numbers[0] });
      });
      return symbols.replaceChildren(...boxes, set);
    }
    const tokens = frame.board.symbols.map((_, token) => token).filter((token) => named(token));
    symbols.replaceChildren(
      ...tokens.map((token) => {
        const node = button(
          named(token),
          () => change({ kind: "cell", step, cell, token }),
          fill(words.say, { name: named(token) }),
        );
        node.dataset.token = token;
        return node;
      }),
    );
  }

  function take() {
    const message = model.get("message"),
      view = model.get("view");
    frame = message?.frames?.at(-1) ?? null;
    edits = view?.edits ?? [];
    recovery = view?.recovery ?? null;
  }
  function paint() {
    raf = 0;
    root.hidden = !frame;
    if (!frame) return;
    const wanted = model.get("step"),
      chosen = model.get("cell"),
      colors = model.get("view")?.colors;
    step = Number.isInteger(wanted) ? Math.max(0, Math.min(last(), wanted)) : last();
    const plane = answers.kindOf(frame) === "plane";
    cell = plane ? 0 : Number.isInteger(chosen) && chosen >= 0 && chosen < answers.size(frame) ? chosen : null;
    root.style.setProperty("--light", colors?.light?.[step] || "#4b5563");
    root.style.setProperty("--dark", colors?.dark?.[step] || "#9ca3af");
    offer();
    const late = step >= last(),
      ready = cell != null && !late;
    put(
      where,
      late
        ? words.late
        : cell == null
          ? fill(words.choose, { step })
          : fill(words.now, {
              step,
              cell: cellName(cell),
              says: answers.describe(frame, step, cell).split(" · ")[0].split(": ").at(-1),
            }),
    );
    early.hidden = !late || last() < 1;
    for (const node of symbols.querySelectorAll("button, input")) node.disabled = !ready;
    for (const node of symbols.querySelectorAll("[data-token]"))
      node.setAttribute(
        "aria-pressed",
        String(
          edits.some(
            (e) => e.kind === "cell" && e.step === step && e.cell === cell && String(e.token) === node.dataset.token,
          ),
        ),
      );
    put(when, late ? words.late_too : fill(words.noise_when, { step }));
    put(strong, fill(words.times, { scale: Number(strength.value).toFixed(1) }));
    states.forEach((node) => node.setAttribute("aria-pressed", String(node.textContent === state)));
    add.disabled = late;
    const now = JSON.stringify([edits, recovery, frame.board.rows, frame.board.cols]);
    if (now !== shown) {
      shown = now;
      list.replaceChildren(
        ...edits.map((edit, n) =>
          h(
            "li",
            "",
            said(edit),
            button("×", () => send(edits.filter((_, m) => m !== n)), fill(words.remove, { what: said(edit) })),
          ),
        ),
      );
      const most = Math.max(1, ...(recovery?.cells ?? []));
      strip.replaceChildren(
        ...(recovery?.cells ?? []).map((n, k) => {
          const bar = h("i"),
            node = h("span", n ? "" : "none", n ? String(n) : "", bar, String(k));
          bar.style.height = `${Math.round((20 * n) / most)}px`;
          return node;
        }),
      );
      strip.setAttribute("aria-label", recovery ? fill(words.strip, { cells: recovery.cells.join(", ") }) : "");
    }
    whole.classList.toggle("none", !edits.length);
    strip.hidden = caption.hidden = recovery?.first_changed == null;
    put(caption, words.caption);
    put(outcome, recovery?.text ?? "");
    Object.assign(el.dataset, { edits: edits.length, back: recovery?.back_at ?? "", step, cell: cell ?? "" });
  }
  const request = () => {
    raf ||= requestAnimationFrame(paint);
  };
  strength.addEventListener("input", request);

  // Both players stand at the same step.
  const onStep = () => {
    if (model.get("after.step") !== model.get("step")) model.set("after.step", model.get("step"));
    request();
  };
  const onAfter = () => {
    const other = model.get("after.step");
    if (Number.isInteger(other) && other !== model.get("step")) model.set("step", other);
  };
  const onView = () => {
    take();
    request();
  };
  const listeners = {
    "change:message": onView,
    "change:view": onView,
    "change:step": onStep,
    "change:cell": request,
    "change:after.step": onAfter,
  };
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = followTheme(root);
  take();
  paint();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    stopTheme();
    cancelAnimationFrame(raf);
  };
}

export default { render };
