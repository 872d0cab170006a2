// The editor: one puzzle to type with the keys, click or tap, paste, or load from a file. Of a Sudoku it marks at once what breaks a rule.
// render({ model, el }) -> disposer. `puzzle` is what app/puzzles.py makes (editor_of), with own, error,
// remark, turn. An edit emits "typed" with { cells, rows, cols, turn }; a text { text, turn: 0 }, a file { file, name, turn: 0 } in base64; giving it up {}. An answer with
// another turn than the last edit's is late and is not taken; of one with a turn, or with `only`, only what is said is taken. el.dataset: ready, cells, own, clashes, at.

import { DARK, LOOK, fill, followTheme, h, put } from "./common.js";

const CSS = `
.ed { ${LOOK} } .ed[data-theme=dark] { ${DARK} } .ed *, .ed *::before, .ed *::after { box-sizing: border-box } .ed [hidden] { display: none !important }
.ed-card { display: flex; flex-direction: column; gap: 10px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); padding: 14px }
.ed-head { display: flex; flex-wrap: wrap; gap: 2px 10px; align-items: baseline } .ed-title { font-weight: 650; font-size: 16px } .ed-which { color: var(--mute); font-size: 12.5px }
.ed-board { display: grid; gap: 1px; width: 100%; max-width: var(--w); background: var(--line); border: 2px solid var(--fg); border-radius: 5px; overflow: hidden; container-type: inline-size; touch-action: manipulation }
.ed .ed-board button { position: relative; aspect-ratio: 1; min-width: 0; padding: 0; border: 0; border-radius: 0; background: var(--bg); color: inherit; font: 700 min(calc(52cqw / var(--cols)), 26px)/1 system-ui; cursor: pointer }
.ed .ed-board button:disabled { color: var(--mute); opacity: 1; cursor: default; background: color-mix(in srgb, var(--fg) 7%, var(--bg)) } .ed .ed-board .right { border-right: 2px solid var(--fg) } .ed .ed-board .below { border-bottom: 2px solid var(--fg) }
.ed .ed-board .open { background: var(--open) } .ed .ed-board .wall { background: var(--wall); color: transparent } .ed .ed-board .on { box-shadow: inset 0 0 0 2px var(--fg) } .ed .ed-board button:focus-visible { outline: 3px solid var(--high); outline-offset: -3px; z-index: 1 }
.ed .ed-board .clash { background: color-mix(in srgb, var(--bad) 22%, var(--bg)) } .ed-board .clash::after { content: "!"; position: absolute; right: 8%; top: 4%; font: 800 max(10px, .5em)/1 system-ui; color: var(--bad) }
.ed-pad, .ed-bar, .ed-line { display: flex; flex-wrap: wrap; gap: 6px } 
.ed-pad button, .ed-bar button, .ed-line button { min-width: 38px; height: 38px; padding: 0 10px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit; cursor: pointer }
.ed :is(.ed-pad, .ed-bar, .ed-line) button:hover { border-color: var(--fg) } .ed :is(.ed-pad, .ed-bar, .ed-line) :is(button, input):focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.ed .ed-line input[type=text] { flex: 1 1 60px; min-width: 0; height: 38px; padding: 0 10px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: 13px ui-monospace, monospace }
.ed-said { font-size: 13px; min-height: 1.45em } .ed-said.bad { color: var(--bad) } .ed-help { color: var(--mute); font-size: 12.5px }`;
const LATER = 300; // ms after the last key until the server is told
const FILE_BYTES = 65536; // of a file its beginning: the first puzzle is in it
const ZIP_BYTES = 1000000; // a zip file is read from its end; the server takes no more

function render({ model, el }) {
  const style = document.createElement("style"),
    words = TEXTS.editor;
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
  const which = h("span", "ed-which"),
    board = h("div", "ed-board"),
    pad = h("div", "ed-pad"),
    said = h("div", "ed-said"),
    help = h("div", "ed-help");
  const text = h("input"),
    file = h("input"),
    line = h("form", "ed-line");
  Object.assign(text, { type: "text", spellcheck: false, autocomplete: "off", placeholder: words.line });
  text.setAttribute("aria-label", words.line);
  Object.assign(file, {
    type: "file",
    accept: ".csv,.tsv,.txt,.sdm,.sdk,.ss,.gz,.zip,text/plain,text/csv",
    hidden: true,
  });
  file.setAttribute("aria-label", words.file);
  const use = h("button", "", words.use);
  use.type = "submit";
  line.append(
    text,
    use,
    button(words.file, () => file.click()),
    file,
  );
  const clear = button(words.clear, () => wipe()),
    back = button(words.back, () => emit({}));
  const root = h(
    "div",
    "ed",
    style,
    h(
      "section",
      "ed-card",
      h("div", "ed-head", h("span", "ed-title", words.title), which),
      board,
      pad,
      line,
      h("div", "ed-bar", clear, back),
      said,
      help,
    ),
  );
  board.setAttribute("role", "group");
  pad.setAttribute("role", "toolbar");
  pad.setAttribute("aria-label", words.pad);
  said.setAttribute("aria-live", "polite");
  el.replaceChildren(root);

  let spec = null,
    cells = [],
    nodes = [],
    at = 0,
    turn = 0,
    timer = 0,
    raf = 0,
    shape = "",
    seen = null;
  const emit = (data) => {
    clearTimeout(timer);
    timer = 0;
    turn += 1;
    model.emit?.("typed", { turn: 0, ...data });
  };
  const nameOf = (token) => spec.roles[token] || (spec.symbols[token] || "").trim() || words.blank;
  const signOf = (token) => (spec.roles[token] === "open" ? "" : (spec.symbols[token] ?? "").trim());
  const boxed = () => Boolean(spec.box) && spec.blank != null && !spec.roles.length;

  // A Sudoku's cells that stand twice in a row, column or box, and one sentence about the first.
  function clashes() {
    const { rows: n, box } = spec,
      bad = new Set(),
      first = [];
    for (let kind = 0; kind < 3; kind++)
      for (let u = 0; u < n; u++) {
        const where = {},
          across = n / box[1];
        for (let j = 0; j < n; j++) {
          const i =
            kind === 0
              ? u * n + j
              : kind === 1
                ? j * n + u
                : (Math.floor(u / across) * box[0] + Math.floor(j / box[1])) * n + (u % across) * box[1] + (j % box[1]);
          if (cells[i] !== spec.blank) (where[cells[i]] ??= []).push(i);
        }
        for (const token in where)
          if (where[token].length > 1) {
            where[token].forEach((i) => bad.add(i));
            first.push(
              fill(words.clash, { symbol: spec.symbols[token], kind: words.units.split(" ")[kind], number: u + 1 }),
            );
          }
      }
    return [bad, first[0] || ""];
  }

  function build() {
    nodes = cells.map((_, i) => {
      const node = button("", () => press(i));
      node.dataset.cell = i;
      node.addEventListener("focus", () => {
        at = i;
        request();
      });
      return node;
    });
    board.replaceChildren(...nodes);
    const { rows, cols } = spec;
    board.style.gridTemplateColumns = `repeat(${cols}, 1fr)`;
    board.style.setProperty("--cols", cols);
    board.style.setProperty(
      "--w",
      `${Math.round(Math.min(340 * Math.max(1, Math.min(1.3, cols / rows / 2)), Math.max(96, cols * 52)))}px`,
    );
    pad.replaceChildren(
      ...spec.choices.map(([token, name]) =>
        button(spec.roles.length ? name : name, () => write(token), fill(words.put, { name })),
      ),
    );
    if (spec.blank != null && !spec.roles.length) pad.append(button("⌫", () => write(spec.blank), words.erase));
  }
  const go = (i, focus = true) => {
    at = Math.max(0, Math.min(cells.length - 1, i));
    request();
    if (focus) nodes[at]?.focus({ preventScroll: true });
  };
  function press(i) {
    go(i);
    if (!spec.roles.length || spec.unique.includes(cells[i])) return;
    const wall = spec.roles.indexOf("wall");
    set(i, cells[i] === wall ? spec.blank : wall);
  }
  function write(token) {
    set(at, token);
    if (spec.blank != null) return go(at); // a board is walked by arrows; a row of digits goes on by itself
    const next = spec.editable.findIndex((may, i) => may && i > at);
    go(next < 0 ? at : next);
  }
  function set(i, token) {
    if (!spec.editable[i] || cells[i] === token) return;
    if (spec.unique.includes(token)) cells = cells.map((other) => (other === token ? spec.blank : other));
    cells[i] = token;
    changed();
  }
  function wipe() {
    cells = cells.map((token, i) => (spec.editable[i] && !spec.unique.includes(token) ? spec.blank : token));
    changed();
  }
  function changed() {
    spec = { ...spec, own: true, error: "", remark: "" };
    turn += 1;
    clearTimeout(timer);
    timer = setTimeout(() => {
      timer = 0;
      model.emit?.("typed", { cells, rows: spec.rows, cols: spec.cols, turn });
    }, LATER);
    request();
  }

  function take() {
    const fresh = model.get("puzzle");
    if (!fresh || fresh === seen) return;
    seen = fresh;
    if (fresh.turn && fresh.turn !== turn) return;
    if (fresh.turn || fresh.only) {
      if (spec) spec = { ...spec, own: fresh.own, error: fresh.error, remark: fresh.remark };
      return request();
    }
    if (timer) {
      clearTimeout(timer);
      timer = 0;
    }
    [spec, cells] = [fresh, [...(fresh.cells || [])]];
    const now = JSON.stringify([fresh.rows, fresh.cols, fresh.box, fresh.choices, cells.length]);
    if (now !== shape) {
      shape = now;
      at = Math.max(0, (fresh.editable || []).indexOf(1));
      if (fresh.cells) build();
    }
    if (!fresh.error) text.value = "";
    request();
  }

  function paint() {
    raf = 0;
    root.hidden = !spec;
    if (!spec) return;
    const clickable = Boolean(spec.cells) && spec.reads,
      [bad, clash] = clickable && boxed() ? clashes() : [new Set(), ""];
    for (const node of [board, pad]) node.hidden = !clickable;
    line.hidden = !spec.reads;
    clear.hidden = !clickable || spec.blank == null;
    back.hidden = !spec.own;
    put(which, spec.own ? words.own : spec.reads ? words.held : words.held_only);
    text.placeholder = spec.text || words.line;
    board.setAttribute("aria-label", words.board);
    if (clickable)
      nodes.forEach((node, i) => {
        const { cols, rows, box } = spec,
          row = Math.floor(i / cols) + 1,
          col = (i % cols) + 1,
          token = cells[i];
        put(node, signOf(token));
        node.className = [
          i === at && "on",
          bad.has(i) && "clash",
          spec.roles[token] === "wall" ? "wall" : spec.roles.length && "open",
          boxed() && col % box[1] === 0 && col < cols && "right",
          boxed() && row % box[0] === 0 && row < rows && "below",
        ]
          .filter(Boolean)
          .join(" ");
        node.disabled = !spec.editable[i];
        node.tabIndex = i === at ? 0 : -1;
        node.setAttribute(
          "aria-label",
          fill(words.cell, { row, col, name: nameOf(token) }) + (bad.has(i) ? words.bad : ""),
        );
      });
    said.classList.toggle("bad", Boolean(clash || spec.error));
    put(said, clash || spec.error || spec.remark || "");
    put(
      help,
      !spec.reads
        ? words.none
        : !spec.cells
          ? ""
          : spec.roles.length
            ? words.help_path
            : spec.blank == null
              ? words.help_row
              : words.help_board,
    );
    Object.assign(el.dataset, { cells: cells.join(","), own: spec.own ? 1 : 0, clashes: bad.size, at });
  }
  const request = () => {
    raf ||= requestAnimationFrame(paint);
  };

  board.addEventListener("keydown", (event) => {
    if (!spec || event.ctrlKey || event.metaKey || event.altKey) return;
    const { cols } = spec,
      to = {
        ArrowLeft: at - 1,
        ArrowRight: at + 1,
        ArrowUp: at - cols,
        ArrowDown: at + cols,
        Home: at - (at % cols),
        End: at - (at % cols) + cols - 1,
      }[event.key];
    const choice =
      event.key.length === 1 &&
      spec.choices.find(([token]) => (spec.symbols[token] || "").toUpperCase() === event.key.toUpperCase());
    if (to !== undefined) {
      const [way] = [Math.sign(to - at)];
      let next = to;
      while (next >= 0 && next < cells.length && !spec.editable[next]) next += way || 1;
      if (next >= 0 && next < cells.length) go(next);
    } else if (choice && event.key !== " ") write(choice[0]);
    else if (spec.blank != null && ["Backspace", "Delete", ".", "0"].includes(event.key)) write(spec.blank);
    else return; // space and Enter press the button
    event.preventDefault();
  });
  const paste = (event) => {
    const pasted = event.clipboardData?.getData("text") || "";
    if (event.target === text || !pasted.trim()) return;
    event.preventDefault();
    emit({ text: pasted });
  };
  root.addEventListener("paste", paste);
  line.addEventListener("submit", (event) => {
    event.preventDefault();
    if (text.value.trim()) emit({ text: text.value });
  });
  file.addEventListener("change", () => {
    const chosen = file.files[0];
    if (chosen) {
      // As bytes: the server unpacks and decodes them, as it does every file of puzzles.
      const reader = new FileReader();
      const beginning = chosen.slice(0, /\.zip$/i.test(chosen.name) ? ZIP_BYTES : FILE_BYTES);
      reader.onload = () => emit({ file: String(reader.result).replace(/^[^,]*,/, ""), name: chosen.name });
      reader.readAsDataURL(beginning);
    }
    file.value = "";
  });

  const listeners = { "change:puzzle": take };
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = followTheme(root);
  take();
  paint();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    stopTheme();
    clearTimeout(timer);
    cancelAnimationFrame(raf);
  };
}

export default { render };
