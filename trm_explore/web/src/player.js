// The player: one puzzle's answer, step by step. Play, scrub or use the keys; a second scrubber goes back through training.
// Marks: changed since the step before (ring), wrong (×), given (bold), confidence (intensity of the step's colour).
// render({ model, el }) -> disposer; shares `step`, `cell` (the chosen one)
// and `frame` (by number; null: the newest); el.dataset: ready, run, frames, step, update, playing.

import { DARK, LOOK, fill, followTheme, h, percent, put } from "./common.js";
import { answers } from "./answers.js";
import { BOARD_CSS, boards } from "./boards.js";

const CSS = `${BOARD_CSS}
.tp { ${LOOK}; --c: var(--light) } .tp[data-theme=dark] { ${DARK}; --c: var(--dark) }
.tp *, .tp *::before, .tp *::after { box-sizing: border-box } .tp [hidden] { display: none !important }
.tp-card { display: flex; flex-wrap: wrap; gap: 12px 24px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); padding: 14px }
.tp-left { flex: 0 1 var(--w); min-width: min(100%, 230px) } .tp-side { flex: 1 1 250px; min-width: 0; display: flex; flex-direction: column; gap: 8px }
.tp-board:focus-visible { outline: 2px solid var(--c); outline-offset: 3px }
.tp-label { color: var(--mute); font-size: 12.5px; min-height: 1.45em } .tp-verdict { font-size: 20px; font-weight: 650; min-height: 1.45em; line-height: 1.45 }
.tp-verdict small { margin-left: 8px; font-size: 13px; font-weight: 400; color: var(--mute) }
.tp-text { font-variant-numeric: tabular-nums; min-height: 1.45em } .tp-cell { color: var(--mute); font-size: 13px; min-height: 2.9em }
.tp-bar { display: flex; gap: 6px; align-items: center } .tp-bar input { flex: 1; min-width: 60px; margin: 0; accent-color: var(--c) }
.tp-bar button { min-width: 40px; height: 36px; padding: 0; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit; cursor: pointer }
.tp-bar button:hover { border-color: var(--fg) } .tp-bar button:focus-visible, .tp-bar input:focus-visible { outline: 2px solid var(--c); outline-offset: 2px }
.tp-bar .tp-play { background: var(--fg); color: var(--bg); border-color: var(--fg); min-width: 52px }
.tp-bar svg { width: 15px; height: 15px; fill: currentColor; display: block; margin: auto }
.tp-train { font-size: 12.5px; color: var(--mute) } .tp-legend { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 12px; color: var(--mute); margin-top: auto }
.tp-legend span { display: inline-flex; align-items: center; gap: 5px }
.tp-legend i { width: 15px; height: 15px; border-radius: 3px; display: inline-flex; align-items: center; justify-content: center; font: 700 12px/1 system-ui }
.tp-legend .ring { border: 2px solid var(--fg) } .tp-legend .cross { width: 11px; height: 11px; border-radius: 0; background-image: var(--cross); forced-color-adjust: none } .tp-legend .bold { color: var(--fg) }
.tp-legend .carry { color: color-mix(in srgb, var(--c) 62%, var(--fg)); font-size: 11px }
.tp-legend .wall { background: var(--wall) } .tp-legend .badge { background: var(--fg); color: var(--bg); font-size: 10px }
.tp-legend .lit { background: color-mix(in srgb, var(--c) 50%, var(--open)) } .tp-legend :is(.line, .arrow) { color: var(--c); font-size: 17px }
.tp-legend .disc { border-radius: 50%; background: var(--c); width: 11px; height: 11px } .tp-legend .aim { border: 2px solid var(--fg); border-radius: 50% }
.tp-legend .in { background: var(--fg); width: 11px; height: 11px; border-radius: 0 }
.tp-legend .heat { width: 84px; background: linear-gradient(90deg, var(--low), var(--mid), var(--high)) }
.tp-legend .fade { width: 42px; background: linear-gradient(90deg, color-mix(in srgb, var(--c) 6%, var(--bg)), color-mix(in srgb, var(--c) 46%, var(--bg))) }
.tp-empty { padding: 22px 14px; color: var(--mute); border: 1px solid var(--line); border-radius: 12px; background: var(--bg) }
@media (prefers-reduced-motion: reduce) { .tp * { transition: none !important } }`;

const STEP_MS = 700; // one step while playing
const KEEP = 120; // frames held; when there are more, every second old one goes
const ICONS = {
  play: "M3 1l11 7-11 7z",
  pause: "M3 1h4v14H3zM9 1h4v14H9z",
  back: "M13 1L4 8l9 7zM2 1h2v14H2z",
  on: "M3 1l9 7-9 7zM12 1h2v14h-2z",
};

const T = TEXTS.player;

// The signs that a kind of board has: class, content, words.
const SIGNS = {
  ring: ["ring", "", T.changed],
  cross: ["cross", "", T.wrong],
  given: ["bold", "4", T.given],
  fade: ["fade", "", T.confidence],
  carry: ["carry", "1", T.carry],
  wall: ["wall", "", T.wall],
  start: ["badge", "S", T.start],
  goal: ["badge", "G", T.goal],
  path: ["line", "━", T.path],
  reached: ["lit", "", T.reached],
  in: ["in", "", T.input],
  disc: ["disc", "", T.answer],
  aim: ["aim", "", T.target],
  arrow: ["arrow", "→", T.companions],
};
function signsOf(frame) {
  const kind = answers.kindOf(frame),
    { board } = frame,
    [low, high] = answers.range(frame).map(answers.short),
    has = (name) => board.roles?.includes(name) && name;
  if (kind === "path")
    return [has("wall"), has("start"), has("goal"), has("path"), has("reached"), "ring", "cross", "fade"]
      .filter(Boolean)
      .map((name) => SIGNS[name]);
  if (kind === "heat") return [["heat", "", fill(T.heat, { low, high })], SIGNS.cross];
  if (kind === "plane")
    return [
      SIGNS.in,
      SIGNS.disc,
      SIGNS.aim,
      ...(frame.target ? [SIGNS.cross] : []),
      ...(frame.others?.inputs?.length ? [SIGNS.arrow] : []),
    ];
  return ["ring", "cross", frame.given?.some(Boolean) && "given", "fade", kind === "digits" && "carry"]
    .filter(Boolean)
    .map((name) => SIGNS[name]);
}

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const button = (label, icon, onclick, cls) => {
    const node = h("button", cls);
    node.type = "button";
    node.innerHTML = '<svg viewBox="0 0 16 16" aria-hidden="true"><path/></svg>';
    node.addEventListener("click", onclick);
    return name(node, label, icon);
  };
  const name = (node, label, icon) => {
    node.setAttribute("aria-label", label);
    node.title = label;
    node.querySelector("path").setAttribute("d", ICONS[icon]);
    return node;
  };
  const slider = (label, oninput) => {
    const node = h("input");
    Object.assign(node, { type: "range", min: "0", max: "0", value: "0" });
    node.setAttribute("aria-label", label);
    node.addEventListener("input", () => oninput(Number(node.value)));
    return node;
  };
  const view = boards.view(),
    board = view.node,
    label = h("div", "tp-label"),
    verdict = h("div", "tp-verdict"),
    text = h("div", "tp-text"),
    cellText = h("div", "tp-cell");
  board.classList.add("tp-board");
  board.tabIndex = 0;
  board.setAttribute("role", "group");
  board.title = T.keys;
  cellText.setAttribute("aria-live", "polite");
  const playButton = button(T.play, "play", () => toggle(), "tp-play");
  const stepSlider = slider(T.step_slider, (k) => go(k)),
    frameSlider = slider(T.training_slider, (i) => scrub(i)),
    frameText = h("span", "tp-num");
  const training = h("div", "tp-train", h("div", "", T.during, " ", frameText), h("div", "tp-bar", frameSlider));
  const sign = (cls, content, words) => h("span", "", h("i", cls, content), words);
  const legend = h("div", "tp-legend"),
    left = h("div", "tp-left", board);
  const card = h(
    "div",
    "tp-card",
    left,
    h(
      "div",
      "tp-side",
      label,
      verdict,
      text,
      h(
        "div",
        "tp-bar",
        button(T.previous, "back", () => go(step - 1)),
        playButton,
        button(T.next, "on", () => go(step + 1)),
        stepSlider,
      ),
      training,
      cellText,
      legend,
    ),
  );
  const empty = h("div", "tp-empty", T.empty);
  const root = h("div", "tp", style, empty, card);
  card.hidden = true;
  el.replaceChildren(root);

  let frames = [],
    frame = null,
    run = null,
    state = "",
    colors = null,
    trained = 0,
    beyond = [],
    step = 0,
    cursor = null,
    following = true;
  let signs = "",
    timer = 0,
    raf = 0,
    played = false,
    ours = false,
    lastMessage = null;
  const stepCount = () => frame?.steps?.length || 0;
  const clamp = (k, count) => Math.max(0, Math.min(count - 1, k));

  // The selected step is shared: ours goes to the model, the model's comes to us.
  function show(k) {
    step = clamp(k, stepCount());
    if (model.get("step") !== step) {
      ours = true;
      model.set("step", step);
      ours = false;
      model.save_changes();
    }
    request();
  }
  const go = (k) => {
    stop();
    if (frame) show(k);
  };
  // So is a chosen cell: by click, or by Shift and arrow keys.
  const chosen = () => {
    const cell = model.get("cell");
    return frame && Number.isInteger(cell) && cell >= 0 && cell < answers.count(frame) ? cell : null;
  };
  const choose = (cell) => {
    cursor = cell;
    model.set("cell", cell);
    model.save_changes();
    request();
  };
  const fromModel = () => {
    const wanted = model.get("step");
    if (!Number.isInteger(wanted)) {
      step = Math.max(0, stepCount() - 1);
      return;
    }
    step = clamp(wanted, Math.max(1, stepCount()));
  };
  function stop() {
    clearInterval(timer);
    timer = 0;
    request();
  }
  function toggle() {
    if (timer) {
      stop();
      return;
    }
    if (!frame) return;
    show(step >= stepCount() - 1 ? 0 : step + 1);
    timer = setInterval(() => {
      if (step < stepCount() - 1) show(step + 1);
      if (step >= stepCount() - 1) stop();
    }, STEP_MS);
    if (stepCount() < 2) stop();
  }
  function scrub(i) {
    turn(i);
    model.set("frame", following ? null : i);
    model.save_changes();
  }
  function turn(i) {
    following = i >= frames.length - 1; // at the right end the newest frame is followed again
    frame = frames[clamp(i, frames.length)] || null;
    step = clamp(step, Math.max(1, stepCount()));
    request();
  }

  function take() {
    const message = model.get("message");
    if (!message || message === lastMessage) return;
    lastMessage = message;
    if (message.from === 0 || (message.run != null && message.run !== run)) {
      stop();
      [frames, frame, following, cursor, colors, trained, beyond] = [[], null, true, null, null, 0, []];
    }
    run = message.run ?? run;
    state = message.state ?? state;
    colors = message.colors ?? colors;
    [trained, beyond] = [message.steps ?? trained, message.beyond ?? beyond];
    for (const fresh of message.frames || []) {
      // an update seen already (a message delivered twice) is not taken again
      if (fresh.update == null || !frames.some((old) => old.update === fresh.update && old.label === fresh.label))
        frames.push(fresh);
    }
    if (frames.length > KEEP) frames = frames.filter((f, i) => i % 2 === 0 || i === frames.length - 1 || f === frame);
    if (following || !frame) frame = frames.at(-1) || null;
    fromModel();
    cursor = chosen();
    if (
      state === "recorded" &&
      frame &&
      !played &&
      !Number.isInteger(model.get("step")) &&
      !matchMedia("(prefers-reduced-motion: reduce)").matches
    ) {
      played = true;
      step = stepCount() - 1; // so that playing starts with the first step
      toggle();
    }
  }

  function paint() {
    raf = 0;
    const S = stepCount();
    card.hidden = !S;
    empty.hidden = Boolean(S);
    name(playButton, timer ? T.pause : T.play, timer ? "pause" : "play");
    Object.assign(el.dataset, {
      run: run ?? "",
      frames: frames.length,
      step: S ? step : "",
      update: frame?.update ?? "",
      playing: timer ? 1 : 0,
    });
    if (!S) return;
    step = clamp(step, S);
    const answer = frame.steps[step],
      said = answers.words(frame, step);
    if (cursor >= answers.count(frame)) cursor = null;
    root.style.setProperty("--light", colors?.light?.[step] || "#4b5563");
    root.style.setProperty("--dark", colors?.dark?.[step] || "#9ca3af");
    view.draw(frame, step, cursor, colors);
    left.style.setProperty("--w", `${boards.width(frame.board)}px`);
    const newSigns = JSON.stringify(signsOf(frame));
    if (newSigns !== signs)
      legend.replaceChildren(
        ...JSON.parse((signs = newSigns)).map(([cls, content, words]) => sign(cls, content, words)),
      );
    const words = [
      fill(S > 1 ? T.step_of : T.only_step, { step, last: S - 1 }),
      said.change ?? T.first_answer,
      said.state,
      answer.loss != null && fill(T.loss, { loss: Number(answer.loss.toPrecision(3)) }),
      beyond[step - trained],
      answer.halt != null && fill(T.halting, { percent: percent(answer.halt) }),
    ]
      .filter(Boolean)
      .join(" · ");
    text.setAttribute("aria-live", timer ? "off" : "polite");
    put(text, words);
    put(
      label,
      [frame.label, frame.update == null ? "" : fill(T.after_update, { update: frame.update })]
        .filter(Boolean)
        .join(" · "),
    );
    const last = step === S - 1;
    verdict.dataset.solved = last && said.wrong != null ? Number(!said.wrong) : "";
    const plane = answers.kindOf(frame) === "plane";
    const judged =
      said.wrong == null
        ? fill(T.step, { step })
        : plane
          ? said.verdict
          : said.wrong
            ? fill(said.wrong === 1 ? T.one_wrong : T.cells_wrong, { n: said.wrong })
            : last
              ? T.solved
              : T.none_wrong;
    verdict.replaceChildren(judged, h("small", "", last ? T.final : step ? T.on_the_way : T.first_answer));
    put(cellText, cursor != null ? answers.describe(frame, step, cursor) : plane ? T.point_arrow : T.point_cell);
    board.setAttribute("aria-label", `${frame.label || T.board}, ${words}`);
    stepSlider.max = String(S - 1);
    stepSlider.value = String(step);
    stepSlider.disabled = S < 2;
    stepSlider.setAttribute("aria-valuetext", fill(last ? T.step_final : T.step, { step }));
    training.hidden = frames.length < 2;
    frameSlider.max = String(Math.max(0, frames.length - 1));
    frameSlider.value = String(Math.max(0, frames.indexOf(frame)));
    const when = frame.update == null ? T.before : fill(T.update, { update: frame.update });
    put(frameText, when + (following ? T.newest : ""));
    frameSlider.setAttribute("aria-valuetext", when);
  }
  const request = () => {
    raf ||= requestAnimationFrame(paint);
  };

  const point = (event) => {
    if (frame) cursor = view.at(event);
    request();
  };
  for (const name of ["pointerover", "pointermove", "pointerdown"]) board.addEventListener(name, point);
  board.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse") {
      cursor = chosen();
      request();
    }
  });
  board.addEventListener("click", (event) => {
    const cell = view.at(event);
    if (frame && cell != null) choose(cell);
  });
  root.addEventListener("keydown", (event) => {
    if (
      !frame ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      (event.target.matches("input, button") && event.key !== "Escape")
    )
      return;
    const walk =
      event.shiftKey &&
      { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -frame.board.cols, ArrowDown: frame.board.cols }[event.key];
    const target = { ArrowLeft: step - 1, ArrowRight: step + 1, Home: 0, End: stepCount() - 1 }[event.key];
    if (walk) {
      const next = cursor == null ? 0 : cursor + walk;
      if (next >= 0 && next < answers.count(frame)) choose(next);
    } else if (event.key === " ") toggle();
    else if (event.key === "Escape") choose(null);
    else if (target !== undefined) go(target);
    else return;
    event.preventDefault();
  });

  const onMessage = () => {
    take();
    request();
  };
  const onStep = () => {
    if (timer && !ours) stop(); // someone chose a step elsewhere, perhaps the one shown
    fromModel();
    request();
  };
  const onCell = () => {
    cursor = chosen();
    request();
  };
  const onFrame = () => turn(model.get("frame") ?? frames.length - 1);
  const listeners = {
    "change:message": onMessage,
    "change:step": onStep,
    "change:cell": onCell,
    "change:frame": onFrame,
  };
  for (const key in listeners) model.on(key, listeners[key]);
  const stopTheme = followTheme(root);
  take();
  if (Number.isInteger(model.get("frame"))) onFrame();
  paint();
  el.dataset.ready = "1";
  return () => {
    for (const key in listeners) model.off?.(key, listeners[key]);
    stopTheme();
    clearInterval(timer);
    cancelAnimationFrame(raf);
  };
}

export default { render };
