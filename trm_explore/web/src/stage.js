// The stage: one puzzle, large, and a trained network that answers it here in the browser (network.js, in a worker
// where there is one). Every cell can be changed; how long the network thinks is a slider; what became of its answer
// cycle by cycle is a row of bars. render({ model, el }) -> disposer. Reads `models`, by task the model files by kind
// of training: the file itself (web/model_file.py), or its place, which `model.load` fetches; `plan`, whose task is
// shown, and `picked`, the task that was chosen a moment ago. el.dataset: ready, task, kind, steps, step, wrong, own,
// playing, first (ms from a change to the first answer drawn), refused.

import { DARK, LOOK, fill, followTheme, h, percent, put } from "./common.js";
import { answers } from "./answers.js";
import { BOARD_CSS, boards } from "./boards.js";
import { frameOf } from "./thought.js";
import source from "./thinker.js?text";

const CSS = `${BOARD_CSS}
.st { ${LOOK}; --c: var(--light); container-type: inline-size }
.st[data-theme=dark] { ${DARK}; --c: var(--dark) }
.st *, .st *::before, .st *::after { box-sizing: border-box }
.st [hidden] { display: none !important }
.st-card { display: grid; grid-template-columns: minmax(0, 400px) minmax(0, 1fr); gap: 14px 30px;
  border: 1px solid var(--line); border-radius: 14px; background: var(--bg); padding: 16px }
.st-left, .st-side { display: flex; flex-direction: column; gap: 10px; min-width: 0 } .st-left { align-items: stretch }
.st-which { color: var(--mute); font-size: 12.5px }
.st-which:empty { display: none }
.st-which::first-letter { text-transform: uppercase }
.st-part { font-size: 12.5px; font-weight: 650 }
.st-board { border-radius: 6px; cursor: pointer }
.st-board:focus-visible { outline: 3px solid var(--c); outline-offset: 3px }
.st-board .bd { --w: 384px !important; margin: 0 auto; cursor: inherit }
.st-boards { display: grid; gap: 6px 14px; min-width: 0 }
.st-boards.beside { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); align-items: end }
.st-boards.beside .st-part { grid-row: 1 }
.st-board.drag { touch-action: none }
.st-board.drag .bd { touch-action: none }
.st-row { display: flex; flex-wrap: wrap; gap: 6px; align-items: center }
.st-pad { justify-content: center; gap: 4px }
.st .st-pad button { min-width: 30px; padding: 0 9px }
.st button { min-width: 38px; height: 36px; padding: 0 11px; border: 1px solid var(--line); border-radius: 8px;
  background: transparent; color: inherit; font: inherit; font-size: 13.5px; cursor: pointer }
.st button:hover { border-color: var(--fg) }
.st :is(button, input):focus-visible { outline: 2px solid var(--c); outline-offset: 2px }
.st button[aria-pressed=true] { background: var(--fg); color: var(--bg); border-color: var(--fg) }
.st-lead { color: var(--mute); font-size: 13.5px } .st-invite { font-weight: 600 }
.st-verdict { font-size: 25px; line-height: 1.25; font-weight: 650; min-height: 1.25em }
.st-verdict.good::before { content: "✓ "; color: var(--c) }
.st-verdict.bad { color: var(--bad) }
.st-said { font-size: 13.5px; min-height: 1.45em } .st-refused { color: var(--bad); font-size: 13.5px }
.st-loop { width: 100%; max-width: 520px; height: auto; display: block }
.st-loop text { font: 13px var(--font, system-ui); fill: var(--fg); text-anchor: middle }
.st-loop .st-mute { fill: var(--mute); font-size: 11.5px }
.st-loop rect { fill: var(--bg); stroke: var(--line) }
.st-loop .st-net { stroke: var(--c); stroke-width: 2 }
.st-loop path { fill: none; stroke: var(--mute); stroke-width: 1.6 }
.st-loop .st-head { fill: var(--mute); stroke: none }
.st-loop .st-again { stroke: var(--c); stroke-width: 2 }
.st[data-thinking="1"] .st-loop .st-flow { stroke-dasharray: 5 5; animation: st-flow .5s linear infinite }
@keyframes st-flow { to { stroke-dashoffset: -10 } }
.st-think { display: flex; gap: 10px; align-items: center }
.st-think input { flex: 1; min-width: 80px; margin: 0; accent-color: var(--c) }
.st .st-play { min-width: 52px; background: var(--fg); color: var(--bg); border-color: var(--fg) }
.st-play svg { width: 15px; height: 15px; fill: currentColor; display: block; margin: auto }
.st-long { min-width: 5.2em; font-variant-numeric: tabular-nums; font-weight: 600 }
.st-line { display: flex; align-items: flex-end; gap: 2px; height: 64px; border-bottom: 1px solid var(--fg);
  position: relative }
.st .st-line button { flex: 1 1 0; min-width: 0; height: 100%; padding: 0; border: 0; border-radius: 3px 3px 0 0;
  display: flex; flex-direction: column; justify-content: flex-end; align-items: center; font-size: 11px;
  line-height: 1.2; color: var(--mute) }
.st-line i { display: block; width: 100%; min-height: 2px; border-radius: 3px 3px 0 0; background: var(--bar) }
.st[data-theme=dark] .st-line i { background: var(--bar-dark) }
.st-line .on { background: color-mix(in srgb, var(--fg) 10%, transparent) !important; color: var(--fg) !important;
  font-weight: 700 }
.st-line .none i { background: var(--line) !important }
.st .st-line .last { border-right: 2px dashed var(--fg); border-radius: 0; padding-right: 1px }
.st-axis { display: flex; justify-content: space-between; gap: 10px; font-size: 12px; color: var(--mute) }
@container (max-width: 900px) { .st-card { grid-template-columns: minmax(0, 1fr); padding: 12px 10px }
.st-board .bd { --w: 360px !important }
.st-loop { max-width: 420px; margin: 0 auto }
.st-verdict { font-size: 21px; order: -2 }
.st-think, .st-time { order: -1 }
.st-loopbox { order: 1 }
.st-lead { order: 2 } }
@media (prefers-reduced-motion: reduce) { .st * { transition: none !important; animation: none !important } }`;
const FAST = 130; // ms a cycle after a change
const SLOW = 650; // ms a cycle while playing
const ICONS = { play: "M3 1l11 7-11 7z", pause: "M3 1h4v14H3zM9 1h4v14H9z" };
const ARROW =
  'markerUnits="userSpaceOnUse" markerWidth="11" markerHeight="11" viewBox="0 0 10 10" refX="8" refY="5" orient="auto"';

// The thinker in a worker; where a browser has none, beside the page, a cycle at a time.
function connect(hear) {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const worker = new Worker(url);
    worker.onmessage = ({ data }) => hear(data);
    return { ask: (asked) => worker.postMessage(asked), end: () => (worker.terminate(), URL.revokeObjectURL(url)) };
  } catch {
    const script = document.createElement("script"),
      beside = new Promise((go) => script.addEventListener("load", () => go(window.trmThinker(hear))));
    script.src = url;
    document.head.append(script);
    return {
      ask: (asked) => beside.then((answer) => answer(asked)),
      end: () => (script.remove(), URL.revokeObjectURL(url)),
    };
  }
}

function render({ model, el }) {
  const T = TEXTS.stage,
    style = document.createElement("style"),
    still = matchMedia("(prefers-reduced-motion: reduce)");
  style.textContent = CSS;
  const button = (text, onclick, title = "") => {
    const node = h("button", "", text);
    node.type = "button";
    if (title) node.title = title;
    node.addEventListener("click", onclick);
    return node;
  };
  const cycles = (n) => (n === 1 ? T.cycle : fill(T.cycles, { n }));

  // What is seen.
  const which = h("div", "st-which"),
    asked = boards.view(), // the puzzle, where it is not seen on the answer's board
    shown = boards.view(),
    questionPart = h("div", "st-part", T.question),
    question = h("div", "st-board", asked.node),
    answerPart = h("div", "st-part", T.answer),
    board = h("div", "st-board", shown.node),
    pad = h("div", "st-row st-pad"),
    cellText = h("div", "st-which st-cell"),
    legend = h("div", "st-which");
  const lead = h("div", "st-lead"),
    invite = h("div", "st-invite"),
    verdict = h("div", "st-verdict"),
    said = h("div", "st-said"),
    refused = h("div", "st-refused"),
    loop = h("div", "st-loopbox");
  const play = h("button", "st-play"),
    slider = h("input"),
    long = h("output", "st-long"),
    line = h("div", "st-line"),
    axis = h("div", "st-axis"),
    fool = h("div", "st-row"),
    tools = h("div", "st-row"),
    kinds = h("div", "st-row");
  play.type = "button";
  play.innerHTML = '<svg viewBox="0 0 16 16" aria-hidden="true"><path/></svg>';
  Object.assign(slider, { type: "range", min: "1", max: "1", value: "1" });
  slider.setAttribute("aria-label", T.slider);
  for (const node of [question, board]) {
    node.setAttribute("role", "group");
    node.tabIndex = 0;
  }
  for (const node of [verdict, refused]) node.setAttribute("aria-live", "polite");
  pad.setAttribute("role", "toolbar");
  pad.setAttribute("aria-label", T.pad);
  line.setAttribute("role", "group");
  kinds.setAttribute("role", "group");
  kinds.setAttribute("aria-label", T.kinds);
  const another = button(T.another, () => take((number + 1) % file.puzzles.length)),
    undo = button(T.back, () => {
      use(origin);
      go(FAST);
    }),
    noise = button(T.noise, () => disturb(), T.noise_help);
  tools.append(another, undo, noise);
  const boardsPart = h("div", "st-boards", questionPart, question, answerPart, board),
    left = h("div", "st-left", which, boardsPart, pad, refused, cellText, legend),
    side = h(
      "div",
      "st-side",
      lead,
      invite,
      loop,
      verdict,
      h("div", "st-think", play, slider, long),
      h("div", "st-time", line, axis),
      said,
      fool,
      tools,
      kinds,
    );
  const card = h("section", "st-card", left, side),
    note = h("div", "st-which"),
    root = h("div", "st", style, note, card);
  card.setAttribute("aria-label", T.title);
  for (const node of [card, questionPart, question, answerPart, undo]) node.hidden = true;
  el.replaceChildren(root);

  // What is known.
  let file = null, // the model file
    task = "", // wanted
    kind = "on", // wanted
    shownKind = "on",
    pending = null, // the file that is being opened
    number = 0, // of the held-out puzzle
    puzzle = null, // { inputs, rows, cols, ... }, what is asked
    frame = null, // the answer so far
    drawn = null, // the same, as it is drawn
    own = false,
    prepared = "", // the name of the challenge that is shown
    edits = [],
    step = 0,
    wanted = 1, // cycles
    cursor = null,
    tool = null, // of a path board: what the next click puts
    origin = null, // the puzzle as it came
    calm = null, // cycles that were chosen before the state was disturbed
    turn = 0, // of what was asked last
    began = 0,
    first = null,
    timer = 0,
    playing = false,
    raf = 0,
    shut = false,
    resting = false, // whether the other models are being fetched
    problem = "";
  const kept = new Map(), // files by their place
    runs = {}; // by task, the place of the model that the visitor has trained
  const kindOf = () => file.task.board.kind ?? "grid";
  const isReal = () => file.task.loss === "mse";
  const apart = () => kindOf() === "heat" || (kindOf() === "grid" && !file.task.given?.some(Boolean)); // two boards
  const { ask, end } = connect(hear);

  // From the visitor to the network.
  function think() {
    turn += 1;
    frame = null;
    began = performance.now();
    first = null;
    problem = "";
    el.dataset.steps = "0";
    ask({ id: turn, puzzle, cycles: file.most_cycles, edits });
  }
  function hear(message) {
    if (shut) return;
    if (message.opened) {
      if (pending?.id === message.id) accept(pending);
      return;
    }
    if (message.id !== turn) return;
    if (message.refusal) {
      if (pending?.id === message.id) kind = shownKind; // what was there goes on answering
      refuse(fill(TEXTS.network[message.refusal.code] ?? "", message.refusal.values));
      return;
    }
    if (message.puzzle) {
      puzzle = message.puzzle;
      const label = own ? T.own : prepared ? TEXTS.challenges[prepared] : T.held_out;
      frame = frameOf(file, { ...puzzle, given: own && isReal() ? null : puzzle.given }, label);
      drawn = { ...frame, board: boardOf(frame), counted: 1, steps: [] };
    } else if (message.step) {
      const { step: one } = message;
      frame.steps.push(one);
      // What is given stays to be seen, also where the network answers something else there; then it is crossed.
      const ids = one.ids?.map((token, i) => (frame.given[i] ? frame.inputs[i] : token));
      drawn.steps.push(ids ? { ...one, ids } : one);
      if (message.others) frame.others.steps.push(message.others);
    }
    request();
  }
  function refuse(sentence) {
    problem = sentence;
    request();
  }

  // The board as it is drawn: a plane in which the puzzle and its target are seen, a long row in lines.
  function boardOf({ board, inputs, target }) {
    const { rows, cols, kind } = board;
    if (kind === "plane") {
      const far = Math.max(...[...inputs, ...(target ?? [])].map(Math.abs));
      return { ...board, extent: Math.max(board.extent, 1.15 * far) };
    }
    const wraps = rows === 1 && cols > 20 && cols % 16 === 0;
    return wraps ? { ...board, rows: cols / 16, cols: 16 } : board;
  }

  // A model file by its place; fetched once.
  async function fetched(place) {
    if (typeof place !== "string") return place;
    if (!kept.has(place)) kept.set(place, await model.load(place));
    return kept.get(place);
  }
  // The others, too, when nothing else is to be done (model.ahead): then the stage needs no server any more.
  async function fetchRest() {
    for (const places of Object.values(model.get("models") ?? {}))
      for (const place of Object.values(places)) {
        if (shut) return;
        await fetched(place).catch(() => {});
      }
    el.dataset.fetched = "1";
  }

  // Where the models of the task are, the visitor's own run among them.
  const placesOf = () => ({ ...model.get("models")?.[task], ...(runs[task] ? { run: runs[task] } : {}) });

  // Which model is shown.
  async function open() {
    const places = placesOf();
    if (!Object.keys(places).length) {
      file = null;
      request();
      return;
    }
    if (!places[kind]) kind = Object.keys(places)[0];
    const place = places[kind],
      mine = `${task} ${kind}`;
    let found;
    try {
      found = await fetched(place);
    } catch {
      if (!shut && mine === `${task} ${kind}`) refuse(T.unreachable);
      return;
    }
    if (shut || mine !== `${task} ${kind}`) return;
    if (found === file) return request();
    turn += 1;
    pending = { id: turn, found, kind };
    ask({ id: turn, file: found });
  }
  // The file was one: from here on it answers.
  function accept({ found }) {
    const kindOfBoard = ({ task: of, network }) => JSON.stringify([of.name, of.board, network.seq_len]),
      same = puzzle && file && kindOfBoard(file) === kindOfBoard(found);
    file = found;
    shownKind = kind;
    problem = "";
    build();
    if (same) return think();
    wanted = file.trained;
    take(0, !still.matches && !model.get("stage_played"));
    model.set("stage_played", true);
    if (!resting && model.ahead) {
      resting = true;
      (window.requestIdleCallback ?? setTimeout)(() => fetchRest());
    }
  }

  // Puzzles: held-out ones by number, prepared ones by name; any of them changed is the visitor's own.
  function use(found) {
    origin = found;
    puzzle = { ...found, inputs: [...found.inputs] };
    [own, cursor, tool] = [false, null, null];
    soothe();
    think();
  }
  function take(which, slowly = false) {
    [number, prepared] = [which, ""];
    use(file.puzzles[number]);
    go(slowly ? SLOW : FAST);
  }
  function challenge(name) {
    prepared = name;
    use(file.challenges[name]);
    go(FAST);
  }
  function set(cell, value) {
    const { editable, inputs } = puzzle;
    if (editable && !editable[cell]) return refuse(T.fixed);
    if (inputs[cell] === value) return;
    const unique = file.task.editor?.unique ?? [],
      blank = file.task.editor?.blank;
    if (unique.includes(inputs[cell])) {
      if (unique.includes(value)) refuse(T.taken); // the start cannot vanish, only move
      return;
    }
    const next = inputs.map((token) => (unique.includes(value) && token === value ? blank : token));
    next[cell] = value;
    change(next);
  }
  function change(inputs) {
    puzzle = { ...puzzle, inputs, given: undefined, target: null };
    own = true;
    soothe();
    think();
    go(FAST);
  }
  // Without a disturbance it thinks as long as before.
  function soothe() {
    edits = [];
    wanted = calm ?? wanted;
    calm = null;
  }
  function disturb() {
    let at = 0;
    if (edits.length) soothe();
    else {
      at = Math.min(step, file.most_cycles - 2);
      edits = [{ kind: "noise", step: at, state: "z_H", scale: 1, seed: 1 + turn }];
      calm = wanted;
      wanted = Math.max(wanted, Math.min(file.most_cycles, at + 1 + file.trained));
    }
    think();
    go(FAST, at);
  }

  // How long it thinks: played at a speed, or chosen.
  function go(speed, from = 0) {
    clearInterval(timer);
    timer = 0;
    step = from;
    if (still.matches) step = wanted - 1;
    else {
      playing = speed === SLOW;
      timer = setInterval(() => {
        if (step + 1 < Math.min(wanted, frame?.steps.length ?? 0)) step += 1;
        else if (step + 1 >= wanted) halt();
        request();
      }, speed);
    }
    request();
  }
  function halt() {
    clearInterval(timer);
    timer = 0;
    playing = false;
    request();
  }
  function choose(n) {
    halt();
    calm = null;
    wanted = Math.max(1, Math.min(file.most_cycles, n));
    step = wanted - 1;
    request();
  }
  function toggle() {
    if (playing) return halt();
    if (step + 1 >= file.most_cycles) wanted = file.trained;
    else if (step + 1 >= wanted && wanted > file.trained) wanted = file.most_cycles;
    go(SLOW, step + 1 >= wanted ? 0 : step);
  }

  // What is the same for every puzzle of a model.
  function build() {
    const { network, task: of, weights } = file,
      calls = network.L_cycles + 1,
      { choices = [], blank = null, roles = [] } = of.editor ?? {};
    put(lead, fill(T.lead, { weights: weights.toLocaleString("en"), cycles: cycles(file.trained) }));
    const inviting = { path: T.invite_path, heat: T.invite_heat, plane: T.invite_plane, digits: T.invite_row };
    put(invite, inviting[kindOf()] ?? (blank == null ? T.invite_row : T.invite_board));
    pad.replaceChildren();
    if (roles.length)
      for (const [token, name] of choices) {
        const node = button(name, () => {
          tool = tool === token ? null : token;
          request();
        });
        node.dataset.token = token;
        pad.append(node);
      }
    else for (const [token, name] of choices) pad.append(button(name, () => write(token), fill(T.put, { name })));
    for (const value of of.numbers ?? []) {
      const name = answers.short(value);
      pad.append(button(name, () => write(value), fill(T.put, { name })));
    }
    if (eraser() != null && !roles.length) {
      const node = button("⌫", () => write(eraser()), T.erase);
      node.setAttribute("aria-label", T.erase);
      pad.append(node);
    }
    pad.hidden = !pad.childNodes.length;
    roam(0);
    fool.replaceChildren(h("span", "st-part", T.fool));
    for (const name in file.challenges) {
      const node = button(TEXTS.challenges[name] ?? name, () => challenge(name));
      node.dataset.name = name;
      fool.append(node);
    }
    fool.hidden = !Object.keys(file.challenges).length;
    listKinds();
    slider.max = String(file.most_cycles);
    line.replaceChildren(
      ...Array.from({ length: file.most_cycles }, (_, k) => {
        const node = button("", () => choose(k + 1));
        node.append(h("i"), h("span", "", String(k + 1)));
        node.tabIndex = -1; // by keys one takes the slider
        node.classList.toggle("last", k + 1 === file.trained && k + 1 < file.most_cycles);
        return node;
      }),
    );
    const narrow = file.most_cycles > 16;
    [...line.children].forEach((node, k) => {
      node.lastChild.style.visibility = narrow && (k + 1) % 4 !== 0 && k + 1 !== file.trained ? "hidden" : "visible";
    });
    draw(calls);
  }
  function listKinds() {
    const places = Object.keys(placesOf());
    kinds.replaceChildren(h("span", "st-part", T.kinds));
    for (const name of places) {
      const node = button({ on: T.on, off: T.off_kind, run: T.run }[name] ?? name, () => {
        kind = name;
        open();
      });
      node.dataset.kind = name;
      kinds.append(node);
    }
    kinds.hidden = places.length < 2;
  }
  // The pad is one stop of the Tab key; arrows go from button to button.
  const roam = (at, focus = false) => {
    const nodes = /** @type {HTMLElement[]} */ ([...pad.children]);
    nodes.forEach((node, i) => {
      node.tabIndex = i === at ? 0 : -1;
    });
    if (focus) nodes[at]?.focus();
  };
  pad.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key],
      nodes = [...pad.children];
    if (!way && event.key.length === 1 && event.key !== " ") keyed(event, hands()[0]);
    if (!way || !nodes.length) return;
    event.preventDefault();
    roam((nodes.indexOf(/** @type {Element} */ (event.target)) + way + nodes.length) % nodes.length, true);
  });
  const eraser = () => {
    const { blank, roles } = file.task.editor ?? {};
    if (!file.task.editor || roles.length) return null;
    return blank ?? [file.task.board.symbols.indexOf(" ")].find((token) => token >= 0) ?? null;
  };

  // The loop: puzzle and last answer -> the same network -> answer, and back.
  function draw(calls) {
    loop.innerHTML = `<svg class="st-loop" viewBox="0 12 520 96" role="img">
<defs>
<marker id="st-tip" ${ARROW}>
<path class="st-head" d="M0 0L10 5L0 10z"/>
</marker></defs>
<rect x="6" y="58" width="84" height="36" rx="8"/>
<text class="st-in" x="48" y="81"></text>
<path class="st-flow" d="M92 76H176" marker-end="url(#st-tip)"/>
<rect class="st-net" x="180" y="48" width="170" height="56" rx="10"/>
<text class="st-name" x="265" y="73"></text>
<text class="st-mute st-calls" x="265" y="91"></text>
<path class="st-flow" d="M352 76H426" marker-end="url(#st-tip)"/>
<rect x="430" y="58" width="84" height="36" rx="8"/>
<text class="st-out" x="472" y="81"></text>
<path class="st-again st-flow" d="M472 56V30Q472 18 460 18H237Q225 18 225 30V44" marker-end="url(#st-tip)"/>
<text class="st-mute st-back" x="390" y="36"></text></svg>`;
    const [svg] = loop.children,
      say = (name, text) => put(svg.querySelector(`.st-${name}`), text);
    svg.setAttribute("aria-label", T.loop_said);
    say("in", T.loop_puzzle);
    say("name", T.loop_network);
    say("calls", fill(T.loop_calls, { calls }));
    say("out", T.loop_answer);
    say("back", T.loop_again);
  }

  // The visitor's hand on a board.
  function press(cell, event) {
    cursor = cell;
    const { roles = [], blank } = file.task.editor ?? {};
    if (roles.length) {
      const wall = roles.indexOf("wall");
      set(cell, tool ?? (puzzle.inputs[cell] === wall ? blank : wall));
      if (file.task.editor.unique.includes(tool)) tool = null;
    } else if (kindOf() === "heat" && event) {
      const { numbers } = file.task;
      const at = numbers.indexOf(puzzle.inputs[cell]);
      if (numbers.length) set(cell, at < 0 ? 0 : numbers[(at + 1) % numbers.length]);
    }
    request();
  }
  function write(value) {
    if (cursor == null) cursor = Math.max(0, (puzzle.editable ?? []).indexOf(1));
    const cell = cursor;
    set(cell, value);
    if (file.task.editor && file.task.editor.blank == null && value !== eraser()) {
      const next = puzzle.editable.findIndex((may, i) => may && i > cell);
      if (next >= 0) cursor = next;
    }
    request();
  }
  function point(event) {
    const area = shown.node.querySelector("svg").getBoundingClientRect(),
      reach = drawn?.board.extent ?? 1,
      at = [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
    if (at.some((x) => x < 0 || x > 1)) return;
    const extent = file.task.board.extent ?? 1;
    change(
      [(2 * at[0] - 1) * reach, (1 - 2 * at[1]) * reach].map(
        (x) => Math.round(1000 * Math.max(-extent, Math.min(extent, x))) / 1000,
      ),
    );
  }
  const hands = () => (apart() ? [question, asked] : [board, shown]);
  let held = null; // while a finger or button is down: what is painted
  for (const [node, view] of [
    [question, asked],
    [board, shown],
  ]) {
    // A finger may only want to scroll: of what it does a tap counts, which comes as a click.
    let tapped = false;
    node.addEventListener("click", (event) => {
      if (!tapped || !file || !puzzle || node !== hands()[0]) return;
      tapped = false;
      const cell = view.at(event);
      if (cell != null) press(cell, event);
    });
    node.addEventListener("pointerdown", (event) => {
      if (!file || !puzzle || node !== hands()[0] || event.button) return;
      tapped = event.pointerType === "touch" && kindOf() !== "plane";
      if (tapped) return;
      if (kindOf() === "plane") {
        held = "point";
        node.setPointerCapture(event.pointerId);
        return point(event);
      }
      const cell = view.at(event);
      if (cell == null) return;
      press(cell, event);
      if (file.task.editor?.roles.length && event.pointerType === "mouse") held = puzzle.inputs[cell];
    });
    node.addEventListener("pointermove", (event) => {
      if (held == null) return;
      if (held === "point") return point(event);
      const cell = view.at(event);
      if (cell != null && cell !== cursor && tool == null) {
        cursor = cell;
        set(cell, held);
      }
    });
    for (const name of ["pointerup", "pointercancel", "pointerleave"])
      node.addEventListener(name, () => {
        held = null;
      });
    node.addEventListener("keydown", (event) => keyed(event, node));
  }
  function keyed(event, node) {
    if (!file || !puzzle || event.ctrlKey || event.metaKey || event.altKey) return;
    const { cols, rows, inputs } = puzzle,
      way = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -cols, ArrowDown: cols }[event.key],
      { choices = [], roles = [] } = file.task.editor ?? {};
    if (kindOf() === "plane" && way !== undefined) {
      const [x, y] = {
        ArrowLeft: [-0.05, 0],
        ArrowRight: [0.05, 0],
        ArrowUp: [0, 0.05],
        ArrowDown: [0, -0.05],
      }[event.key];
      change([inputs[0] + x, inputs[1] + y].map((value) => Math.round(1000 * Math.max(-1, Math.min(1, value))) / 1000));
    } else if (way !== undefined) {
      const next = (cursor ?? 0) + (cursor == null ? 0 : way);
      if (next >= 0 && next < rows * cols) cursor = next;
      request();
    } else if (node !== hands()[0]) return;
    else if ((event.key === "Enter" || event.key === " ") && (roles.length || kindOf() === "heat"))
      press(cursor ?? 0, event);
    else if (["Backspace", "Delete", "."].includes(event.key) && eraser() != null) write(eraser());
    else if (["Backspace", "Delete"].includes(event.key) && choices.length) refuse(T.no_blank);
    else if (file.task.numbers?.length && (event.key.length === 1 || event.key === "Backspace") && event.key !== " ") {
      const { numbers } = file.task,
        at = cursor ?? 0,
        value = event.key === "-" ? -inputs[at] : event.key === "Backspace" ? 0 : Number(event.key);
      cursor = at;
      if (Number.isFinite(value) && (event.key === "-" || numbers.includes(value))) set(at, value);
      else
        refuse(
          fill(T.impossible_value, { value: event.key, allowed: numbers.map((one) => answers.short(one)).join(", ") }),
        );
    } else if (event.key.length === 1 && event.key !== " " && choices.length) {
      const found = choices.find(
        ([token]) => (file.task.board.symbols[token] ?? "").toUpperCase() === event.key.toUpperCase(),
      );
      if (found) write(found[0]);
      else
        refuse(
          fill(T.impossible_value, {
            value: event.key,
            allowed: choices
              .map(([token]) => (file.task.board.symbols[token] ?? "").trim())
              .filter(Boolean)
              .join(", "),
          }),
        );
    } else return;
    event.preventDefault();
  }

  // What is said.
  function summary() {
    const steps = frame.steps,
      right = steps.map((_, k) => (answers.isJudged(frame, k) ? !steps[k].wrong.length : null)),
      from = right.indexOf(true),
      trained = file.trained;
    if (edits.length) return fill(T.noisy, { cycles: cycles(edits[0].step + 1) });
    if (puzzle.note) return TEXTS.notes[puzzle.note];
    if (steps.length < file.most_cycles || right[0] == null) return "";
    if (from < 0) return fill(T.whole_never, { most: file.most_cycles });
    const wrong = right.flatMap((one, k) => (k > from && !one ? [k + 1] : []));
    if (wrong.length && right.at(-1)) return fill(T.whole_gap, { from: from + 1, gaps: wrong.join(", ") });
    if (wrong.length) {
      const to = wrong[0] - 1;
      return (
        fill(from + 1 === to ? T.whole_once : T.whole_lost, { from: from + 1, to }) +
        (to >= trained ? fill(T.whole_beyond, { trained }) : "")
      );
    }
    return fill(from >= trained ? T.whole_late : T.whole_right, { from: from + 1, trained });
  }

  // How many cells changed their symbol after step k.
  const changes = (k) => {
    let n = 0;
    for (let i = 0; i < answers.size(frame); i++) n += answers.changedAt(frame, k, i) ? 1 : 0;
    return n;
  };

  function paint() {
    raf = 0;
    put(note, file ? "" : task && model.get("models") ? (Object.keys(placesOf()).length ? T.loading : T.none) : "");
    put(refused, problem);
    refused.hidden = !problem;
    if (file && !problem) put(note, "");
    if (!file && problem) put(note, problem);
    note.hidden = !note.textContent;
    const S = frame?.steps.length ?? 0;
    card.hidden = !file;
    Object.assign(el.dataset, {
      task: file?.task.name ?? "",
      kind: shownKind,
      steps: S,
      own: own ? 1 : 0,
      playing: timer ? 1 : 0,
      refused: problem,
    });
    root.dataset.thinking = timer ? "1" : "0";
    if (!file || !S) return;
    const k = Math.min(step, S - 1),
      said_ = answers.words(frame, k),
      colors = file.colors,
      judged = answers.isJudged(frame, k),
      n = judged ? frame.steps[k].wrong.length : null;
    root.style.setProperty("--light", colors.light[k]);
    root.style.setProperty("--dark", colors.dark[k]);
    const twice = apart();
    for (const node of [questionPart, question, answerPart]) node.hidden = !twice;
    boardsPart.classList.toggle("beside", twice && puzzle.rows > 1 && puzzle.cols <= 10);
    for (const node of [question, board]) node.classList.toggle("drag", kindOf() === "plane");
    shown.draw(drawn, k, twice ? null : cursor, colors);
    if (twice) {
      const given = { ...drawn, target: null, given: frame.inputs.map(() => 1) };
      const inputs = isReal() ? { values: frame.inputs } : { ids: frame.inputs };
      asked.draw({ ...given, steps: [{ ...inputs, wrong: [] }] }, 0, cursor, colors);
    }
    if (first == null) {
      first = performance.now() - began;
      el.dataset.first = first.toFixed(1);
    }
    put(which, frame.label);
    const when = cycles(k + 1),
      impossible = puzzle.note === "impossible";
    verdict.className = `st-verdict${impossible ? "" : n === 0 ? " good" : n ? " bad" : ""}`;
    put(
      verdict,
      impossible
        ? T.fooled
        : n == null
          ? fill(T.unjudged, { cycles: when })
          : n === 0
            ? fill(T.right, { cycles: when })
            : kindOf() === "plane"
              ? fill(T.off, {
                  off: answers.short(
                    answers.distance(answers.placeAt(frame, k, 0), answers.pointAt(frame.target)) ?? 0,
                  ),
                  cycles: when,
                })
              : fill(n === 1 ? T.wrong_one : T.wrong, { n, cycles: when }),
    );
    const halting = frame.steps[k].halt;
    put(said, [summary(), fill(T.sure, { percent: percent(halting) })].filter(Boolean).join(" "));
    put(cellText, cursor != null && cursor < answers.size(frame) ? describe(k, cursor) : "");
    put(legend, T[`legend_${kindOf()}`] ?? T.legend_grid);
    const name = [T.board, verdict.textContent].join(": ");
    board.setAttribute("aria-label", name);
    question.setAttribute("aria-label", T.question);
    slider.value = String(k + 1);
    slider.setAttribute("aria-valuetext", k + 1 > file.trained ? `${when}, ${T.beyond}` : when);
    put(long, when);
    play.querySelector("path").setAttribute("d", playing ? ICONS.pause : ICONS.play);
    play.setAttribute("aria-label", playing ? T.pause : T.play);
    play.title = playing ? T.pause : T.play;
    // Bars: wrong cells, of numbers the error, else what has changed.
    const plane = kindOf() === "plane",
      all = frame.steps.map((one, at) => {
        if (plane && frame.target)
          return answers.distance(answers.placeAt(frame, at, 0), answers.pointAt(frame.target)) ?? 0;
        if (judged && !impossible) return one.wrong.length;
        return at ? changes(at) : null;
      }),
      most = Math.max(...all, 1e-9);
    [...line.children].forEach((node, at) => {
      const value = all[at];
      node.querySelector("i").style.height = value == null ? "0" : `${Math.round((44 * value) / most)}px`;
      node.style.setProperty("--bar", colors.light[at]);
      node.style.setProperty("--bar-dark", colors.dark[at]);
      node.classList.toggle("on", at === k);
      node.classList.toggle("none", value == null);
      node.setAttribute("aria-pressed", String(at === k));
      const words = value == null ? "" : plane ? answers.short(value) : String(value);
      node.setAttribute("aria-label", fill(T.bar, { cycles: cycles(at + 1), words }));
    });
    const axisText = plane ? T.timeline_off : judged && !impossible ? T.timeline : T.timeline_changed;
    axis.replaceChildren(
      h("span", "", axisText),
      h("span", "", k + 1 > file.trained ? T.beyond : `${T.trained}: ${cycles(file.trained)}`),
    );
    line.setAttribute("aria-label", axisText);
    undo.hidden = !own;
    put(noise, edits.length ? T.calm : T.noise);
    for (const node of fool.querySelectorAll("button"))
      node.setAttribute("aria-pressed", String(node.dataset.name === prepared && !own));
    for (const node of kinds.querySelectorAll("button"))
      node.setAttribute("aria-pressed", String(node.dataset.kind === shownKind));
    for (const node of pad.querySelectorAll("[data-token]"))
      node.setAttribute("aria-pressed", String(Number(node.dataset.token) === tool));
    Object.assign(el.dataset, { step: k, wrong: n ?? "", prepared, said: said_.change ?? "" });
  }
  // A cell in words, after the cycle that is shown.
  function describe(k, i) {
    const W = TEXTS.answers,
      { rows, cols } = frame.board,
      one = frame.steps[k],
      where = fill(rows === 1 ? W.column : W.cell, { row: Math.floor(i / cols) + 1, col: (i % cols) + 1 });
    if (kindOf() === "plane") return "";
    if (isReal()) {
      const aim = frame.target && fill(W.target, { aim: answers.short(frame.target[i]) });
      return [`${where}: ${answers.short(one.values[i])}`, aim].filter(Boolean).join(" · ");
    }
    const says = answers.nameOf(frame, one.ids[i]);
    if (frame.given[i]) {
      const given = answers.nameOf(frame, frame.inputs[i]);
      return fill(one.ids[i] === frame.inputs[i] ? T.cell_given : T.cell_against, { where, given, says });
    }
    const sure = fill(W.confidence, { percent: percent(one.conf[i]) }),
      wrong = one.wrong?.includes(i),
      meant =
        wrong && (frame.target ? fill(W.should_be, { name: answers.nameOf(frame, frame.target[i]) }) : W.is_wrong);
    return [`${where}: ${says}`, sure, meant].filter(Boolean).join(" · ");
  }
  const request = () => {
    raf ||= requestAnimationFrame(paint);
  };

  play.addEventListener("click", toggle);
  slider.addEventListener("input", () => choose(Number(slider.value)));
  const follow = () => {
    const next = model.get("plan")?.task ?? task;
    if (next && next !== task) {
      task = next;
      open();
    } else if (!file) open();
  };
  const picked = () => {
    const next = model.get("picked");
    if (!next || next === task) return;
    task = next;
    open();
  };
  // A run of the visitor's own rests: its network can be had, until the next one of the task.
  const trained = () => {
    const { run, state, points } = model.get("message") ?? {},
      of = model.get("plan")?.task;
    if (!model.ahead || !of || String(run ?? "recorded").startsWith("recorded")) return;
    if (!["finished", "stopped", "paused", "interrupted"].includes(state)) return;
    if (points?.length) runs[of] = `keep/${run}/model.json?update=${points.at(-1)[0]}`;
    else runs[of] ??= `keep/${run}/model.json`;
    if (of !== task) return;
    if (file) listKinds();
    else open();
    request();
  };
  const listeners = {
    "change:models": open,
    "change:plan": follow,
    "change:picked": picked,
    "change:message": trained,
  };
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = followTheme(root);
  // Whether the stage fills most of the screen: then nothing is laid over it (page.css).
  const look = () => {
    const { top, bottom } = root.getBoundingClientRect();
    el.dataset.seen = Math.min(bottom, innerHeight) - Math.max(top, 0) > 0.4 * innerHeight ? "1" : "0";
  };
  const watcher = new ResizeObserver(look);
  watcher.observe(root);
  for (const name of ["scroll", "resize"]) addEventListener(name, look, { passive: true });
  follow();
  paint();
  el.dataset.ready = "1";
  return () => {
    shut = true;
    for (const name in listeners) model.off?.(name, listeners[name]);
    stopTheme();
    watcher.disconnect();
    for (const name of ["scroll", "resize"]) removeEventListener(name, look);
    clearInterval(timer);
    cancelAnimationFrame(raf);
    end();
  };
}

export default { render };
