// The ribbon: the recursion unrolled, one column per step, in the order in which the network takes them.
// Top half: the plan (recursion, gradient scope, loss weights) and follows the controls at once.
// Bottom half: the run (loss, accuracy, answer) and follows training. Choosing a column sets `step`.
// render({ model, el }) -> disposer; el.dataset: ready, run, state, steps, scope.

import { DARK, LOOK, fill, followTheme, h, percent, put } from "./common.js";
import { answers } from "./answers.js";
import { BOARD_CSS, boards } from "./boards.js";

const CSS = `${BOARD_CSS}
.tr { ${LOOK}; line-height: 1.4 } .tr[data-theme=dark] { ${DARK} }
.tr *, .tr *::before, .tr *::after { box-sizing: border-box }
.tr-frame { position: relative }
.tr[data-more="1"] .tr-frame::after { content: ""; position: absolute; inset: 1px 1px 1px auto; width: 30px; border-radius: 0 12px 12px 0; pointer-events: none; z-index: 3; background: linear-gradient(90deg, transparent, color-mix(in srgb, var(--fg) 26%, transparent)) }
.tr-scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 12px; background: var(--bg) }
.tr-grid { display: grid; --head: 126px; min-width: calc(var(--head) + var(--n) * var(--min)); /* so that the sticky heads stay to the very end */
  grid-template-columns: var(--head) repeat(var(--n), minmax(var(--min), 1fr)); grid-template-rows: repeat(6, auto) }
.tr-heads, .tr-col { display: grid; grid-row: 1 / -1; grid-template-rows: subgrid; min-width: 0 }
.tr-heads { position: sticky; left: 0; z-index: 2; background: var(--bg); color: var(--mute); font-size: 13px }
.tr-heads small, .tr-note { display: block; font-size: 11.5px; line-height: 1.35; color: var(--mute); white-space: pre-line }
.tr-heads > div, .tr-col > div { padding: 6px 12px; border-top: 1px solid var(--line); position: relative; min-width: 0 }
.tr-heads > div:first-child, .tr-col > div:first-child { border-top: 0 }
.tr-col { --c: var(--light); border-left: 1px solid var(--line); cursor: pointer; outline: 0 }
.tr[data-theme=dark] .tr-col { --c: var(--dark) }
.tr-col:hover { background: color-mix(in srgb, var(--c) 4%, transparent) }
.tr-col[aria-checked=true] { background: color-mix(in srgb, var(--c) 8%, transparent); box-shadow: inset 0 3px var(--c) }
.tr-col:focus-visible { box-shadow: inset 0 0 0 2px var(--c) }
.tr-num { font-variant-numeric: tabular-nums } .tr-mute { color: var(--mute); font-size: 12px }
.tr-step b { font-size: 17px; margin-right: 6px; padding-bottom: 1px; border-bottom: 3px solid var(--c) }
.tr .tr-rec { padding-bottom: 22px } .tr-chain { display: flex; align-items: center; gap: 5px; transition: opacity .2s; font-size: 12px; height: 20px }
.tr-chain i { width: 18px; height: 18px; border: 2px solid var(--c); border-radius: 50% }
.tr-chain :is(i, u) { flex: none; display: flex; align-items: center; justify-content: center; font: 600 9.5px/1 system-ui, sans-serif; text-decoration: none }
.tr-chain em { font-style: normal } .tr-chain s { flex: 0 1 18px; border-top: 1.5px solid var(--c); min-width: 5px }
.tr-chain u { width: 30px; height: 20px; border-radius: 5px; background: var(--c); color: #fff }
.tr[data-theme=dark] .tr-chain u { color: #16191f }
.tr-col[data-lit="0"] .tr-chain { opacity: .3 }
.tr-arrow { position: absolute; top: 41px; height: 0; left: 12px; right: 12px; border-top: 2px solid var(--c) }
[data-arrow=none] > .tr-rec .tr-arrow { display: none }
:is([data-arrow=start], [data-arrow=through]) > .tr-rec .tr-arrow { left: -1px } :is([data-arrow=end], [data-arrow=through]) > .tr-rec .tr-arrow { right: 0 }
:is([data-arrow=inside], [data-arrow=last_call], [data-arrow=end]) > .tr-rec .tr-arrow::before { content: ""; position: absolute; left: -2px; top: -6px; border: 5px solid transparent; border-right: 8px solid var(--c); border-left: 0 }
.tr-weight { display: flex; align-items: flex-end; gap: 8px; min-height: 58px; line-height: 1.2 }
.tr[data-dense="1"] .tr-weight { flex-direction: column; align-items: flex-start; justify-content: flex-end; gap: 2px }
.tr-weight i { width: 34px; flex: none; min-height: 1.5px; background: var(--c); border-radius: 3px 3px 0 0; transition: height .25s }
.tr-bar { display: block; height: 3px; margin: 2px 0 3px; border-radius: 2px; background: color-mix(in srgb, var(--fg) 10%, transparent); max-width: 150px }
.tr-bar i { display: block; height: 100%; width: 0; border-radius: 2px; background: var(--c); transition: width .25s }
.tr-loss span { font-size: 16px } .tr-verdict { margin-top: 3px } .tr-verdict span { white-space: nowrap } .tr-solved { white-space: nowrap }
.tr [hidden] { display: none } .tr[data-stale="1"] .tr-live { opacity: .4 }
.tr-note { padding: 6px 2px 0 } .tr-note:empty { display: none } .tr-error { color: var(--bad); font-size: 13px }
.tr-findings ul { margin: 0; padding: 8px 2px 0 18px; font-size: 13px } .tr-findings li { margin: 2px 0 }
.tr[data-dense="1"] .tr-chain u { width: 20px } .tr[data-dense="1"] .tr-col > div { padding-left: 8px; padding-right: 8px }
@media (max-width: 640px) { .tr-grid { --head: 82px }
  .tr-heads > div, .tr-col > div { padding-left: 8px; padding-right: 8px } .tr-chain { gap: 3px } .tr-chain u { width: 22px } .tr-arrow { left: 8px; right: 8px } .tr-weight i { width: 26px } .tr .tr-weight { flex-direction: column; align-items: flex-start; justify-content: flex-end; gap: 2px } }
@media (prefers-reduced-motion: reduce) { .tr * { transition: none !important } }`;

const ROWS = ["step", "rec", "weight", "loss", "solved", "answer"]; // class names of a column's cells, in order
const T = TEXTS.ribbon,
  HEADS = [T.head_step, T.head_recursion, T.head_weight, T.head_loss, T.head_solved, T.head_answer];

const loss = (x) => {
  if (x == null || !Number.isFinite(x)) return "–";
  const a = Math.abs(x);
  return a >= 10
    ? x.toFixed(1)
    : a >= 1
      ? x.toFixed(2)
      : a >= 0.01
        ? x.toFixed(3)
        : a >= 1e-4
          ? x.toPrecision(2)
          : a
            ? x.toExponential(1)
            : "0";
};
// A list may be shorter or longer than the run's steps (curriculum, random cycles): its last entry is the final answer's.
const at = (list, k, S) => (!list?.length ? null : k === S - 1 ? list.at(-1) : k < list.length - 1 ? list[k] : null);

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const grid = h("div", "tr-grid"),
    scroll = h("div", "tr-scroll", grid);
  const error = h("div", "tr-note tr-error"),
    stale = h("div", "tr-note tr-stale"),
    scopeNote = h("div", "tr-note tr-scope"),
    status = h("div", "tr-note tr-status"),
    findings = h("div", "tr-findings");
  const frameNode = h("div", "tr-frame", scroll),
    more = h("div", "tr-note tr-more");
  const root = h("div", "tr", style, frameNode, more, error, stale, scopeNote, status, findings);
  findings.setAttribute("role", "status");
  error.setAttribute("role", "alert");
  grid.setAttribute("role", "radiogroup");
  grid.setAttribute("aria-label", T.ribbon);
  const subs = HEADS.map(() => h("small"));
  const heads = h(
    "div",
    "tr-heads",
    ...HEADS.map((name, i) => h("div", `tr-h-${ROWS[i]}${i > 2 ? " tr-live" : ""}`, name, subs[i])),
  );
  el.replaceChildren(root);

  let columns = [],
    shape = "",
    frameShown = null,
    bothShown = 0,
    raf = 0,
    lastMessage = null;
  const none = {
    run: null,
    key: null,
    steps: 0,
    read: 0,
    beyond: [],
    colors: null,
    state: "",
    text: "",
    point: null,
    eval: null,
    frame: null,
    findings: [],
    reach: null,
  };
  let live = { ...none };

  const plan = () => model.get("plan") || null;
  // Columns: the steps of a training pass, and those that an evaluation reads beyond them.
  const most = (said) => Math.max(said?.steps || 0, said?.read || 0);
  const stepCount = () => Math.max(0, Math.min(64, Math.floor(most(plan()) || most(live))));
  const selected = () => {
    const S = stepCount(),
      step = model.get("step");
    return Number.isInteger(step) ? Math.max(0, Math.min(S - 1, step)) : S - 1;
  };

  function take() {
    const message = model.get("message");
    if (!message || message === lastMessage) return;
    lastMessage = message;
    if (message.from === 0 || (message.run != null && message.run !== live.run)) live = { ...none };
    for (const name of ["run", "key", "steps", "read", "beyond", "colors", "state", "text", "findings", "reach"])
      if (message[name] != null) live[name] = message[name];
    live.point = message.points?.at(-1) ?? live.point;
    live.eval = message.evals?.at(-1) ?? live.eval;
    live.frame = message.frames?.at(-1) ?? live.frame;
  }

  function choose(k, focus) {
    const step = Math.max(0, Math.min(columns.length - 1, k));
    if (model.get("step") === step) model.set("step", null); // choosing the shown one is heard, too: what plays stops at it
    model.set("step", step);
    model.save_changes();
    if (focus) columns[step]?.root.focus();
    request();
  }

  // Columns are made anew only when their number or the board changes; otherwise texts and sizes are patched.
  function build(S, read, cycles, board) {
    const dots = () =>
      cycles > 3 ? [h("i", "", "L"), h("em", "", `×${cycles}`)] : Array.from({ length: cycles }, () => h("i", "", "L"));
    columns = Array.from({ length: S }, (_, k) => {
      const c = {
        number: h("b", "tr-num", String(k)),
        bar: h("i"),
        weight: h("span", "tr-num"),
        unsupervised: h("span", "tr-mute"),
        loss: h("span", "tr-num"),
        exact: h("span", "tr-num"),
        exactBar: h("i"),
        cells: h("span", "tr-mute tr-num"),
        view: boards.view(true),
        verdict: h("div", "tr-mute tr-verdict"),
      };
      c.board = c.view.node;
      c.arrow = h("span", "tr-arrow");
      c.board.classList.add("tr-board");
      c.root = h(
        "div",
        "tr-col",
        h("div", "tr-step", c.number, h("span", "tr-mute", k === (read || S) - 1 ? T.final : "")),
        h("div", "tr-rec", h("div", "tr-chain", ...dots(), h("s"), h("u", "", "H")), c.arrow),
        h("div", "tr-weight", c.bar, h("span", "", c.weight, " ", c.unsupervised)),
        h("div", "tr-loss tr-live", c.loss),
        h("div", "tr-solved tr-live", c.exact, h("span", "tr-bar", c.exactBar), c.cells),
        h("div", "tr-answer tr-live", ...(board ? [c.board] : []), c.verdict),
      );
      c.root.dataset.col = k;
      c.root.setAttribute("role", "radio");
      return c;
    });
    grid.replaceChildren(heads, ...columns.map((c) => c.root));
    root.dataset.dense = S > 6 ? 1 : 0;
    grid.style.setProperty("--n", S);
    grid.style.setProperty("--min", `${Math.max(S > 6 ? 86 : 94, board ? boards.least(board) : 0)}px`);
  }

  // The piece of arrow that a column carries, as training.losses.gradient_reach names it (arrows point back, to the left), and
  // whether a gradient reaches it; while there is no plan nothing is said, and no column is paler.
  function reach(k, p, pieces) {
    if (!p?.scope || p.error) return { lit: 1, arrow: "none" };
    const arrow = pieces?.[k] ?? "none";
    return { lit: arrow === "none" ? 0 : 1, arrow };
  }

  function paintBoard(c, k, frame, shown) {
    const answer = frame?.steps?.[k];
    if (!answer) {
      put(c.verdict, frame ? "–" : T.press);
      c.board.hidden = true;
      return frame ? "" : T.no_answer;
    }
    c.board.hidden = false;
    c.view.draw(frame, k, null, live.colors);
    const said = answers.words(frame, k),
      words = [said.verdict, said.change === fill(TEXTS.answers.changed, { n: 0 }) ? T.unchanged : said.change].filter(
        Boolean,
      );
    c.verdict.replaceChildren(
      ...words.flatMap((text, i) => [h("span", "", i < words.length - 1 ? `${text},` : text), " "]),
    );
    return fill(T.answer, { words: words.join(", ") });
  }

  function paint() {
    raf = 0;
    const p = plan(),
      S = stepCount(),
      board = live.frame?.board || null,
      current = selected();
    const cycles = Math.max(0, Math.min(99, p?.L_cycles ?? 1));
    const N = Math.min(S, (p?.error ? 0 : p?.steps) || live.steps || S),
      read = p?.read || live.read; // N: of a training pass
    const newShape = JSON.stringify([S, read, cycles, board?.kind, board?.rows, board?.cols]);
    if (newShape !== shape) {
      build(S, read, cycles, board);
      shape = newShape;
      frameShown = undefined;
    }
    const colors = p?.colors?.light?.length >= S ? p.colors : live.colors;
    // Weights that change during training are shown as they are now, while the plan is still the run's.
    const now =
      p && !p.error && p.enabled !== false && live.key != null && p.key === live.key && live.point?.[4]?.length
        ? live.point[4]
        : null;
    const weights = columns.map((_, k) =>
      p?.error || !p || k >= N
        ? null
        : p.enabled === false
          ? k === N - 1
            ? 1
            : 0
          : ((now ? at(now, k, N) : p.weights?.[k]) ?? null),
    );
    const divisor = now ? now.reduce((sum, weight) => sum + weight, 0) : p?.divisor;
    const top = Math.max(1, ...weights.filter(Number.isFinite)),
      both = Math.min(S, most(live));
    columns.forEach((c, k) => {
      const { lit, arrow } = reach(k, p, now ? live.reach : p?.reach),
        off = p && !p.error && p.enabled === false && k < N - 1,
        beyond = (p?.beyond ?? live.beyond)[k - N] ?? "";
      const live_k = (list, n) => (k < Math.min(S, n) ? at(list, k, n) : null),
        asked = live.read || live.steps;
      const lossText = loss(live_k(live.point?.[3], live.steps)),
        cells = live_k(live.eval?.[1], asked),
        exact = live_k(live.eval?.[2], asked);
      Object.assign(c.root.dataset, { lit, arrow, weight: weights[k] ?? "" });
      const lastCall = arrow === "last_call" && c.root.querySelector(".tr-chain > :is(i, em):nth-last-child(3)");
      c.arrow.style.left = lastCall ? `${lastCall.offsetLeft}px` : "";
      c.root.style.setProperty("--light", colors?.light?.[k] || "#4b5563");
      c.root.style.setProperty("--dark", colors?.dark?.[k] || "#9ca3af");
      c.root.setAttribute("aria-checked", String(k === current));
      c.root.tabIndex = k === current ? 0 : -1;
      c.bar.style.height = `${(44 * (weights[k] || 0)) / top}px`;
      c.bar.hidden = weights[k] == null;
      put(c.weight, weights[k] == null ? "–" : off ? "0" : weights[k].toFixed(3));
      put(c.unsupervised, off ? T.unsupervised : beyond);
      put(c.loss, lossText);
      put(c.exact, percent(exact));
      c.exactBar.style.width = `${100 * (exact || 0)}%`;
      put(c.cells, cells == null ? "" : fill(T.cells, { percent: percent(cells) }));
      if (live.frame !== frameShown || both !== bothShown)
        c.words = paintBoard(c, k, k < both ? live.frame : live.frame && { steps: [] });
      const flows =
        { none: lit ? "" : T.flow_none, inside: T.flow_inside, last_call: T.flow_last_call }[arrow] ?? T.flow_through;
      c.root.setAttribute(
        "aria-label",
        [
          fill(k === (read || S) - 1 ? T.said_final : T.said_step, { k }),
          fill(T.said_cycles, { cycles }),
          flows,
          beyond || fill(off ? T.said_unsupervised : T.said_weight, { weight: c.weight.textContent }),
          fill(T.said_figures, { loss: lossText, exact: percent(exact), cells: percent(cells) }),
          c.words,
        ]
          .filter(Boolean)
          .join(" "),
      );
    });
    [frameShown, bothShown] = [live.frame, both];
    put(subs[1], p?.scope ? T.gradient : "");
    put(subs[2], divisor && !p.error ? fill(now ? T.divided_live : T.divided, { divisor: divisor.toFixed(3) }) : "");
    put(subs[3], live.point ? fill(T.update, { update: live.point[0] }) : "");
    put(
      subs[4],
      live.eval
        ? [
            live.eval[3] ? fill(T.held_out_puzzles, { puzzles: live.eval[3].toLocaleString("en") }) : T.held_out,
            fill(T.update, { update: live.eval[0] }),
          ].join(", ")
        : T.held_out,
    );
    put(
      subs[5],
      live.frame
        ? [live.frame.label, live.frame.update == null ? "" : fill(T.update, { update: live.frame.update })]
            .filter(Boolean)
            .join(", ")
        : "",
    );
    const isStale = Boolean(live.run && p?.key != null && live.key != null && p.key !== live.key);
    const lost = (live.run && model.get("lost")) || ""; // the run, or the server that has it
    root.dataset.stale = isStale || lost ? 1 : 0;
    put(error, p?.error || "");
    put(stale, isStale ? T.stale : "");
    put(scopeNote, (!p?.error && p?.scope_note) || "");
    put(
      status,
      lost
        ? fill(lost === "gone" ? T.gone : T.lost, { text: live.text })
        : live.text || (live.run ? "" : S ? T.no_run : T.no_plan),
    );
    const found = (live.findings || []).slice(0, 3),
      items = findings.querySelectorAll("li");
    if (found.join("\n") !== [...items].map((item) => item.textContent).join("\n"))
      findings.replaceChildren(...(found.length ? [h("ul", "", ...found.map((text) => h("li", "", text)))] : []));
    scroll.hidden = !S;
    Object.assign(el.dataset, {
      run: live.run ?? "",
      state: live.state,
      lost,
      steps: S,
      scope: p?.scope ?? "",
      step: current,
    });
    reveal(columns[current]?.root);
    look();
  }

  // Columns that lie to the right of what one sees are spoken of.
  function look() {
    const beyond = Math.ceil(scroll.scrollWidth - scroll.clientWidth - scroll.scrollLeft) > 2;
    root.dataset.more = beyond ? 1 : 0;
    put(more, beyond ? T.more : "");
  }
  scroll.addEventListener("scroll", look, { passive: true });
  const sizes = new ResizeObserver(look);
  sizes.observe(scroll);

  let revealed = null;
  function reveal(column) {
    // scroll inside the ribbon only, never the page
    if (!column || column === revealed || scroll.scrollWidth <= scroll.clientWidth) return;
    revealed = column;
    const left = column.offsetLeft - heads.offsetWidth - grid.offsetLeft,
      right = column.offsetLeft - grid.offsetLeft + column.offsetWidth;
    if (scroll.scrollLeft > left) scroll.scrollLeft = left;
    else if (scroll.scrollLeft + scroll.clientWidth < right) scroll.scrollLeft = right - scroll.clientWidth;
  }

  const request = () => {
    raf ||= requestAnimationFrame(paint);
  };
  grid.addEventListener("click", (event) => {
    const column = event.target.closest(".tr-col");
    if (column) choose(Number(column.dataset.col));
  });
  grid.addEventListener("keydown", (event) => {
    const k = Number(event.target.closest(".tr-col")?.dataset.col ?? NaN);
    const target = {
      ArrowLeft: k - 1,
      ArrowRight: k + 1,
      ArrowUp: k - 1,
      ArrowDown: k + 1,
      Home: 0,
      End: columns.length - 1,
      Enter: k,
      " ": k,
    }[event.key];
    if (target == null || Number.isNaN(target) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(target, true);
  });
  const onMessage = () => {
    take();
    request();
  };
  const listeners = {
    "change:plan": request,
    "change:message": onMessage,
    "change:step": request,
    "change:lost": request,
  };
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = followTheme(root);
  take();
  paint();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    cancelAnimationFrame(raf);
    sizes.disconnect();
    stopTheme();
  };
}

export default { render };
