// The tasks, a picture each: choose one. A picture is a solved puzzle, drawn as everywhere else.
// render({ model, el }) -> disposer; `tasks` is a list of { name, title,
// help, frame }, the chosen one is the plan's `task`; choosing emits "pick". el.dataset: ready, tasks, chosen.

import { DARK, LOOK, followTheme, h, put } from "./common.js";
import { BOARD_CSS, boards } from "./boards.js";

const CSS = `
.tk { ${LOOK} } .tk[data-theme=dark] { ${DARK} } .tk *, .tk *::before, .tk *::after { box-sizing: border-box } ${BOARD_CSS}
.tk-row { display: flex; gap: 8px; overflow-x: auto; padding: 2px 2px 6px; scrollbar-width: thin }
.tk-card { --c: var(--mute); flex: 1 0 96px; max-width: 150px; display: flex; flex-direction: column; gap: 4px; align-items: center; justify-content: space-between; padding: 5px 8px 3px; border: 1px solid var(--line); border-radius: 10px; background: var(--bg); color: inherit; font: inherit; font-size: 12.5px; line-height: 1.25; cursor: pointer; text-align: center }
.tk-card:hover { border-color: var(--fg) } .tk-card:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.tk-card[aria-checked=true] { border-color: var(--fg); box-shadow: inset 0 0 0 1px var(--fg); text-shadow: .35px 0 currentColor, -.35px 0 currentColor }
.tk-picture { width: 44px; flex: 1; display: flex; align-items: center; pointer-events: none } .tk-help { color: var(--mute); font-size: 13px; padding: 2px 2px 0; min-height: 1.5em }`;

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const row = h("div", "tk-row"),
    help = h("div", "tk-help"),
    root = h("div", "tk", style, row, help);
  row.setAttribute("role", "radiogroup");
  row.setAttribute("aria-label", TEXTS.tasks.gallery);
  el.replaceChildren(root);
  let cards = [],
    drawn = null,
    chosen = null,
    seen = null; // the card that was brought into sight

  function pick(name, focus) {
    if (name == null) return;
    model.emit?.("pick", { task: name });
    model.set("picked", name);
    chosen = name;
    paint();
    if (focus) cards.find((card) => card.dataset.task === name)?.focus();
  }
  function build(tasks) {
    cards = tasks.map(({ name, title, frame }) => {
      const view = boards.view(true),
        card = h("button", "tk-card", h("span", "tk-picture", view.node), h("span", "", title));
      card.type = "button";
      card.dataset.task = name;
      card.setAttribute("role", "radio");
      view.node.setAttribute("aria-hidden", "true");
      view.draw({ ...frame, steps: frame.steps.map((step) => ({ ...step, wrong: [] })) }, 0);
      return card;
    });
    row.replaceChildren(...cards);
  }
  function paint() {
    const tasks = model.get("tasks") || [];
    if (tasks !== drawn) {
      build(tasks);
      drawn = tasks;
    }
    for (const card of cards) {
      card.setAttribute("aria-checked", String(card.dataset.task === chosen));
      card.tabIndex = card.dataset.task === (chosen ?? tasks[0]?.name) ? 0 : -1;
    }
    const now = cards.find((card) => card.dataset.task === chosen);
    if (now && now !== seen) row.scrollLeft = now.offsetLeft - row.offsetLeft - (row.clientWidth - now.clientWidth) / 2;
    seen = now ?? seen;
    put(help, tasks.find((task) => task.name === chosen)?.help ?? "");
    Object.assign(el.dataset, { tasks: tasks.length, chosen: chosen ?? "" });
  }
  row.addEventListener("click", (event) => pick(event.target.closest(".tk-card")?.dataset.task));
  row.addEventListener("keydown", (event) => {
    const at = cards.findIndex((card) => card === event.target.closest(".tk-card"));
    const to = {
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      Home: 0,
      End: cards.length - 1,
    }[event.key];
    if (at < 0 || to == null || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    pick(cards[(to + cards.length) % cards.length].dataset.task, true);
  });
  const onPlan = () => {
    chosen = model.get("plan")?.task ?? chosen;
    paint();
  };
  const listeners = { "change:tasks": paint, "change:plan": onPlan };
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = followTheme(root);
  onPlan();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    stopTheme();
  };
}

export default { render };
