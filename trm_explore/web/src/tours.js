// Short tours through the live page. Each stop is a link: the server sets the page to it, this module lights up the element it speaks of
// and says what to see there. render({ model, el }) -> disposer. `tours`: a list of { name, title, stops:
// [{ link, at, title, text }] }; `opened`: what the server read from a link; emits "visit" { query, count, shown (run whose
// figures are on the page) }; sets `touring`. el.dataset: ready, tour, stop.

import { DARK, LOOK, fill, followTheme, h, put } from "./common.js";

const CSS = `
.tt { ${LOOK} } .tt[data-theme=dark] { ${DARK} } .tt *, .tt *::before, .tt *::after { box-sizing: border-box }
.tt-row { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: center; font-size: 13.5px } .tt-row > span { color: var(--mute) }
.tt-row a { color: inherit !important; text-decoration: underline !important; text-decoration-color: var(--line) !important; text-underline-offset: 3px; padding: 5px 0 } .tt-row a[aria-current] { font-weight: 650 }
.tt-row a:focus-visible, .tt-card button:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.tt-layer { position: absolute; left: 0; top: 0; width: 0; height: 0 }
.tt-light { position: absolute; z-index: 900; pointer-events: none; border-radius: 12px; outline: 2px solid #fff; box-shadow: 0 0 0 3px #14110d, 0 0 0 200vmax rgb(20 17 13 / .5); transition: opacity .25s }
.tt-card { position: fixed; z-index: 901; width: min(380px, calc(100vw - 20px)); display: flex; flex-direction: column; padding: 14px 16px 12px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); box-shadow: 0 8px 30px rgb(0 0 0 / .28) } .tt-card > * { flex: none } .tt-card > :first-child { flex: 0 1 auto; min-height: 0; overflow: auto }
.tt-card h2 { margin: 0 0 4px; font-size: 17px; line-height: 1.3; font-weight: 650; color: inherit } .tt-card p { margin: 0 0 12px; font-size: 14.5px }
.tt-end { display: flex; gap: 8px; align-items: center } .tt-end span { flex: 1; color: var(--mute); font-size: 12.5px; font-variant-numeric: tabular-nums }
.tt-card button { min-width: 40px; min-height: 36px; padding: 2px 14px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit; font-size: 14px; cursor: pointer }
.tt-card button:hover { border-color: var(--fg) } .tt-card .tt-next { background: var(--fg); color: var(--bg); border-color: var(--fg) } .tt-card button:disabled { opacity: .4; cursor: default } .tt-card .tt-shut { min-width: 36px; padding: 0; border-color: transparent; font-size: 18px }
@media (max-width: 700px) { .tt-card { width: 100%; padding-bottom: max(12px, env(safe-area-inset-bottom)) } .tt-card button { min-height: 44px } }
@media (prefers-reduced-motion: reduce) { .tt-light { transition: none !important } }`;
const WORDS = TEXTS.tours;
const PATIENCE = 20000; // ms after which a stop is shown without light, when its element or the server's answer does not come
const GAP = 14,
  EDGE = 8,
  DOCKED = 700; // px between card and light, from the window's edge, and width up to which the card docks
const LOWEST = 150; // px: where there is too little room the card's text scrolls, down to this height of the card
const STILL = 10; // frames without movement after which a scroll that was cut short is made again
const KEYS = ["PageUp", "PageDown", "Home", "End", " ", "ArrowUp", "ArrowDown"]; // scroll the page
const AROUND = 5; // px of light around an element

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const row = h("div", "tt-row"),
    root = h("nav", "tt", style, row);
  root.setAttribute("aria-label", WORDS.label);
  el.replaceChildren(root);

  // Light and card stand at the end of the page's body, where nothing clips them; the card is shown only during a tour.
  const light = h("div", "tt-light"),
    title = h("h2"),
    text = h("p"),
    count = h("span");
  const button = (words, act, cls = "") => {
    const node = h("button", cls, words);
    node.type = "button";
    node.addEventListener("click", act);
    return node;
  };
  const back = button(WORDS.back, () => go(-1)),
    next = button(WORDS.next, () => go(1), "tt-next"),
    shut = button("×", () => end(), "tt-shut");
  const words = h("div", "", title, text),
    card = h("div", "tt-card", words, h("div", "tt-end", count, back, next, shut)),
    layer = h("div", "tt tt-layer", light, card);
  Object.assign(title, { id: "tt-title" });
  Object.assign(text, { id: "tt-text" });
  words.setAttribute("aria-live", "polite"); // while the focus stays on the button
  shut.setAttribute("aria-label", WORDS.close);
  card.setAttribute("role", "dialog"); // not modal: the page lives on and may be used
  card.setAttribute("aria-labelledby", title.id);
  card.setAttribute("aria-describedby", text.id);

  let tour = null,
    stop = 0,
    set = 0,
    waits = 0,
    raf = 0,
    before = null,
    answered = false,
    visits = 0;
  let held = false,
    aim = null,
    still = 0,
    lastY = 0,
    shownAt = null,
    side = "",
    clips = new WeakMap();
  const tours = () => model.get("tours") || [];
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const seen = (node) => node.getClientRects().length > 0;

  function list() {
    row.replaceChildren(
      h("span", "", WORDS.head),
      ...tours().map(({ name, title }) => {
        const link = h("a", "", title);
        link.href = `?tour=${name}&stop=1`; // a link like any other, which may be opened elsewhere
        link.dataset.tour = name;
        return link;
      }),
    );
    mark();
  }
  function mark() {
    for (const link of row.querySelectorAll("a"))
      link.toggleAttribute("aria-current", link.dataset.tour === tour?.name);
    Object.assign(el.dataset, { tour: tour?.name ?? "", stop: tour ? stop : "" });
  }

  function begin(name, at = 0, asked = false) {
    const found = tours().find((one) => one.name === name);
    if (!found) return;
    if (!tour) before = document.activeElement;
    tour = found;
    show(Math.min(at, found.stops.length - 1), 1, asked);
  }
  // `way`: where to go on when the element of this stop is not on this page. `asked`: the page has been set to it.
  function show(at, way, asked = false) {
    stop = at;
    [set, waits, answered, held, aim, shownAt, side, clips] = [
      way,
      performance.now(),
      asked || !model.emit,
      false,
      null,
      null,
      "",
      new WeakMap(),
    ];
    if (!asked)
      model.emit?.("visit", {
        query: `?tour=${tour.name}&stop=${stop + 1}`,
        count: ++visits,
        shown: model.get("message")?.run ?? "",
      });
    model.set("touring", { name: tour.name, stop });
    mark();
    raf ||= requestAnimationFrame(place);
  }
  function go(way) {
    if (!tour) return;
    if (way > 0 && stop === tour.stops.length - 1) end();
    else if (stop + way >= 0) show(stop + way, way);
  }
  function end() {
    if (!tour) return;
    tour = null;
    cancelAnimationFrame(raf);
    raf = 0;
    layer.remove();
    model.set("touring", null);
    mark();
    (before?.isConnected && before !== document.body ? before : row.querySelector("a"))?.focus({ preventScroll: true });
    before = null;
  }

  // Once a frame while a tour is open: the page may scroll, load, or change size below us. A stop waits until the page is
  // set to its link and its element is there; only what a link took off the page is never waited for.
  function place() {
    raf = 0;
    if (!tour) return;
    raf = requestAnimationFrame(place);
    const here = tour.stops[stop],
      found = [...document.querySelectorAll(here.at)],
      nodes = found.filter(seen);
    const part = found[0] ?? document.querySelector(here.at.split(" ")[0]); // what is not drawn while it is hidden has a part that is there
    if (!nodes.length && part && getComputedStyle(part).getPropertyValue("--taken-away")) return skip();
    const ready = answered && nodes.length > 0;
    if (!ready) {
      light.style.opacity = 0;
      if (performance.now() - waits < PATIENCE) return;
    }
    fillCard(here);
    card.style.maxHeight = `${innerHeight - 2 * EDGE}px`;
    if (!ready)
      return move(
        innerWidth <= DOCKED ? 0 : innerWidth - card.offsetWidth - 16,
        innerHeight - card.offsetHeight - (innerWidth <= DOCKED ? 0 : 16),
      );
    if (shownAt !== nodes[0]) {
      // also when it was drawn anew
      shownAt = nodes[0];
      if (nodes.length === 1) sideways(nodes[0]);
    }
    const box = around(nodes),
      origin = layer.getBoundingClientRect();
    Object.assign(light.style, {
      opacity: 1,
      left: `${box.left - origin.left}px`,
      top: `${box.top - origin.top}px`,
      width: `${box.right - box.left}px`,
      height: `${box.bottom - box.top}px`,
    });
    const beside = innerWidth > DOCKED && Math.max(box.left, innerWidth - box.right) >= card.offsetWidth + GAP + EDGE;
    if (!beside) card.style.maxHeight = `${Math.max(LOWEST, innerHeight - (box.bottom - box.top) - GAP - 2 * EDGE)}px`;
    const best = spot(box);
    if (!held && (best.covers > 0 || box.top < 0 || box.bottom > innerHeight)) scrollFor(box, beside);
    move(best.x, best.y);
    side = best.side;
  }
  function move(x, y) {
    Object.assign(card.style, { left: `${x}px`, top: `${y}px` });
  }
  // What one sees of the elements, with a margin: what scrolls or clips them may hide a part.
  function around(nodes) {
    const boxes = nodes.map((node) => {
      const { left, top, right, bottom } = node.getBoundingClientRect(),
        box = { left, top, right, bottom };
      for (const [outer, x, y] of clippers(node)) {
        const cut = outer.getBoundingClientRect();
        if (x) Object.assign(box, { left: Math.max(box.left, cut.left), right: Math.min(box.right, cut.right) });
        if (y) Object.assign(box, { top: Math.max(box.top, cut.top), bottom: Math.min(box.bottom, cut.bottom) });
      }
      return box;
    });
    const whole = boxes.filter((b) => b.right > b.left && b.bottom > b.top),
      some = whole.length ? whole : boxes;
    return {
      left: Math.min(...some.map((b) => b.left)) - AROUND,
      top: Math.min(...some.map((b) => b.top)) - AROUND,
      right: Math.max(...some.map((b) => b.right)) + AROUND,
      bottom: Math.max(...some.map((b) => b.bottom)) + AROUND,
    };
  }
  function clippers(node) {
    if (!clips.has(node)) {
      const found = [];
      for (let outer = node.parentElement; outer && outer !== document.body; outer = outer.parentElement) {
        const { overflowX, overflowY } = getComputedStyle(outer);
        if (overflowX !== "visible" || overflowY !== "visible")
          found.push([outer, overflowX !== "visible", overflowY !== "visible"]);
      }
      clips.set(node, found);
    }
    return clips.get(node);
  }
  // The place of the card that covers least of the box; the one it has while that covers nothing, then the first.
  function spot(box) {
    const wide = card.offsetWidth,
      high = card.offsetHeight,
      docked = innerWidth <= DOCKED;
    const within = (value, most) => Math.max(EDGE, Math.min(value, most - EDGE));
    const x = within(box.left, innerWidth - wide),
      y = within(box.top, innerHeight - high);
    /** @type {[string, number, number][]} */
    const places = docked
      ? [
          ["bottom", 0, innerHeight - high],
          ["top", 0, 0],
        ]
      : [
          ["below", x, box.bottom + GAP],
          ["above", x, box.top - high - GAP],
          ["right", box.right + GAP, y],
          ["left", box.left - wide - GAP, y],
          ["corner", innerWidth - wide - 16, innerHeight - high - 16],
          ["corner-above", innerWidth - wide - 16, 16],
        ];
    const fits = ([, a, b]) =>
      docked || (a >= EDGE && b >= EDGE && a + wide <= innerWidth - EDGE && b + high <= innerHeight - EDGE);
    const over = (a, b) =>
      Math.max(0, Math.min(a + wide, box.right) - Math.max(a, box.left)) *
      Math.max(0, Math.min(b + high, box.bottom) - Math.max(b, box.top));
    const rated = places
      .filter((one) => fits(one))
      .map(([name, a, b]) => ({ side: name, x: a, y: b, covers: over(a, b) }));
    return (
      rated.find((one) => one.side === side && !one.covers) ??
      rated.reduce(
        (best, one) => (one.covers < best.covers ? one : best),
        rated[0] ?? { side: "", x: EDGE, y: EDGE, covers: 0 },
      )
    );
  }
  // Scrolls the page so that the box and the card have room, one below the other unless there is room beside.
  function scrollFor(box, beside) {
    const high = box.bottom - box.top,
      own = beside ? 0 : card.offsetHeight + GAP,
      most = document.documentElement.scrollHeight - innerHeight;
    const below = scrollY + box.top - Math.max(EDGE, (innerHeight - high - own) / 2); // the card under it
    const above = scrollY + box.top - own - EDGE; // the card over it, at the end of the page
    const top = Math.round(Math.max(0, Math.min(below > most && !beside ? above : below, most)));
    still = Math.abs(scrollY - lastY) < 0.5 ? still + 1 : 0;
    lastY = scrollY;
    if (aim !== null && Math.abs(aim - top) <= 2 && still < STILL) return;
    const again = aim !== null;
    [aim, still] = [top, 0];
    if (Math.abs(top - scrollY) > 1) scrollTo({ top, behavior: again || calm() ? "instant" : "smooth" });
  }
  function sideways(node) {
    for (const [outer, x] of clippers(node)) {
      if (!x || outer.scrollWidth <= outer.clientWidth) continue;
      const box = node.getBoundingClientRect(),
        frame = outer.getBoundingClientRect();
      if (box.left < frame.left) outer.scrollLeft += box.left - frame.left;
      else if (box.right > frame.right) outer.scrollLeft += Math.min(box.right - frame.right, box.left - frame.left);
    }
  }
  function skip() {
    const way = stop === 0 ? 1 : stop === tour.stops.length - 1 && set > 0 ? 0 : set;
    if (!way || stop + way >= tour.stops.length) end();
    else show(stop + way, way);
  }
  function fillCard(here) {
    const first = !layer.isConnected;
    if (first) document.body.append(layer);
    put(title, here.title);
    put(text, here.text);
    put(count, fill(WORDS.count, { stop: stop + 1, stops: tour.stops.length }));
    put(next, stop === tour.stops.length - 1 ? WORDS.done : WORDS.next);
    back.disabled = stop === 0;
    if (first || (back.disabled && document.activeElement === document.body)) next.focus({ preventScroll: true });
  }

  row.addEventListener("click", (event) => {
    const name = event.target.closest("a")?.dataset.tour;
    if (!name || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    begin(name);
  });
  card.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (way < 0 || stop < tour.stops.length - 1) go(way); // the last stop is left by its button, not by one press too many
  });
  const onEscape = (event) => {
    if (event.key === "Escape" && tour && !document.querySelector("dialog[open]")) end();
  };
  document.addEventListener("keydown", onEscape);
  // Who scrolls by hand is not scrolled back, until the next stop or another size of the window.
  const hold = (event) => {
    if (card.contains(event.target)) return;
    if (
      event.type === "keydown"
        ? KEYS.includes(event.key)
        : event.type !== "pointerdown" || event.target === document.documentElement
    )
      held = true;
  };
  const release = () => {
    [held, aim] = [false, null];
  };
  const byHand = ["wheel", "touchmove", "keydown", "pointerdown"];
  for (const name of byHand) addEventListener(name, hold, { passive: true });
  addEventListener("resize", release);
  const onOpened = () => {
    const opened = model.get("opened");
    if (opened?.tour && !opened.visit) begin(opened.tour[0], opened.tour[1], true);
    else if (opened?.visit && String(opened.visit) === String(visits)) answered = true; // the page is set to this stop
  };
  const onTours = () => {
    list();
    if (!tour) onOpened();
  };
  const listeners = { "change:tours": onTours, "change:opened": onOpened };
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = [followTheme(root), followTheme(layer)];
  onTours();
  el.dataset.ready = "1";
  return () => {
    end();
    for (const name in listeners) model.off?.(name, listeners[name]);
    document.removeEventListener("keydown", onEscape);
    for (const name of byHand) removeEventListener(name, hold);
    removeEventListener("resize", release);
    for (const stopped of stopTheme) stopped();
  };
}

export default { render };
