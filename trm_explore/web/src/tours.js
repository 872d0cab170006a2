// Short tours through the live page. Each stop is a link: the server sets the page to it, this module lights up the element it speaks of
// and says what to see there. Not whole without common.js before it. render({ model, el }) -> disposer. `tours`: a list of { name, title, stops:
// [{ link, at, title, text }] }; `opened`: what the server read from a link; emits "visit" { query, count, shown (run whose
// figures are on the page) }; sets `touring`. el.dataset: ready, tour, stop.

const CSS = `
.tt { ${LOOK} } .tt[data-theme=dark] { ${DARK} } .tt *, .tt *::before, .tt *::after { box-sizing: border-box }
.tt-row { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: center; font-size: 13.5px } .tt-row > span { color: var(--mute) }
.tt-row a { color: inherit !important; text-decoration: underline !important; text-decoration-color: var(--line) !important; text-underline-offset: 3px; padding: 5px 0 } .tt-row a[aria-current] { font-weight: 650 }
.tt-row a:focus-visible, .tt-card button:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.tt-light { position: fixed; z-index: 900; pointer-events: none; border-radius: 12px; outline: 2px solid #fff; box-shadow: 0 0 0 3px #14110d, 0 0 0 200vmax rgb(20 17 13 / .5); transition: all .25s }
.tt-card { position: fixed; z-index: 901; width: min(380px, calc(100vw - 20px)); max-height: 60vh; overflow: auto; padding: 14px 16px 12px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); box-shadow: 0 8px 30px rgb(0 0 0 / .28); transition: left .25s, top .25s }
.tt-card h2 { margin: 0 0 4px; font-size: 17px; line-height: 1.3; font-weight: 650; color: inherit } .tt-card p { margin: 0 0 12px; font-size: 14.5px }
.tt-end { display: flex; gap: 8px; align-items: center } .tt-end span { flex: 1; color: var(--mute); font-size: 12.5px; font-variant-numeric: tabular-nums }
.tt-card button { min-width: 40px; min-height: 36px; padding: 2px 14px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit; font-size: 14px; cursor: pointer }
.tt-card button:hover { border-color: var(--fg) } .tt-card .tt-next { background: var(--fg); color: var(--bg); border-color: var(--fg) } .tt-card button:disabled { opacity: .4; cursor: default } .tt-card .tt-shut { min-width: 36px; padding: 0; border-color: transparent; font-size: 18px }
@media (max-width: 700px) { .tt-card { left: 0 !important; right: 0; top: auto !important; bottom: 0; width: 100%; max-height: 46vh; border-radius: 14px 14px 0 0; padding-bottom: max(12px, env(safe-area-inset-bottom)) } .tt-card button { min-height: 44px } }
@media (prefers-reduced-motion: reduce) { .tt-light, .tt-card { transition: none !important } }`;
const WORDS = TEXTS.tours;
const PATIENCE = 5000, AFTER = 900; // ms for an element to appear: in all, and after the page was set
const AROUND = 5; // px of light around an element

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const row = h("div", "tt-row"), root = h("nav", "tt", style, row);
  root.setAttribute("aria-label", WORDS.label);
  el.replaceChildren(root);

  // Light and card stand at the end of the page's body, where nothing clips them; the card is shown only during a tour.
  const light = h("div", "tt-light"), title = h("h2"), text = h("p"), count = h("span");
  const button = (words, act, cls = "") => {
    const node = h("button", cls, words);
    node.type = "button";
    node.addEventListener("click", act);
    return node;
  };
  const back = button(WORDS.back, () => go(-1)), next = button(WORDS.next, () => go(1), "tt-next"), shut = button("×", () => end(), "tt-shut");
  const words = h("div", "", title, text), card = h("div", "tt-card", words, h("div", "tt-end", count, back, next, shut)), layer = h("div", "tt", light, card);
  Object.assign(title, { id: "tt-title" });
  Object.assign(text, { id: "tt-text" });
  words.setAttribute("aria-live", "polite"); // while the focus stays on the button
  shut.setAttribute("aria-label", WORDS.close);
  card.setAttribute("role", "dialog"); // not modal: the page lives on and may be used
  card.setAttribute("aria-labelledby", title.id);
  card.setAttribute("aria-describedby", text.id);

  let tour = null, stop = 0, set = 0, waits = 0, raf = 0, before = null, scrolled = false, where = "", answered = null, visits = 0;
  const tours = () => model.get("tours") || [];
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const seen = (node) => node.getClientRects().length > 0;

  function list() {
    row.replaceChildren(h("span", "", WORDS.head), ...tours().map(({ name, title }) => {
      const link = h("a", "", title);
      link.href = `?tour=${name}&stop=1`; // a link like any other, which may be opened elsewhere
      link.dataset.tour = name;
      return link;
    }));
    mark();
  }
  function mark() {
    for (const link of row.querySelectorAll("a")) link.toggleAttribute("aria-current", link.dataset.tour === tour?.name);
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
    [set, waits, scrolled, where] = [way, performance.now(), false, ""];
    answered = asked ? performance.now() : null;
    if (!asked) model.emit?.("visit", { query: `?tour=${tour.name}&stop=${stop + 1}`, count: ++visits, shown: model.get("message")?.run ?? "" });
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

  // Once a frame while a tour is open: the page may scroll, load, or change size below us.
  function place() {
    raf = 0;
    if (!tour) return;
    raf = requestAnimationFrame(place);
    const here = tour.stops[stop], nodes = [...document.querySelectorAll(here.at)].filter(seen), now = performance.now();
    if (!nodes.length) { // hidden, of a tab to come, or not there yet
      light.style.opacity = 0;
      if (now - waits > PATIENCE || (answered && now - answered > AFTER)) skip();
      return;
    }
    fillCard(here);
    if (!scrolled) { // after the card is there, whose place on a phone is taken from the page's
      scrolled = true;
      reveal(nodes);
    }
    const boxes = nodes.map((node) => node.getBoundingClientRect());
    const left = Math.min(...boxes.map((b) => b.left)) - AROUND, top = Math.min(...boxes.map((b) => b.top)) - AROUND;
    const right = Math.max(...boxes.map((b) => b.right)) + AROUND, bottom = Math.max(...boxes.map((b) => b.bottom)) + AROUND;
    const spot = [left, top, right, bottom, innerWidth, innerHeight, card.offsetHeight].map(Math.round).join();
    if (spot === where) return;
    where = spot;
    Object.assign(light.style, { opacity: 1, left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
    const wide = card.offsetWidth, high = card.offsetHeight, gap = 14, fits = (x, y) => x >= 8 && y >= 8 && x + wide <= innerWidth - 8 && y + high <= innerHeight - 8;
    const x = Math.max(8, Math.min(left, innerWidth - wide - 8)), y = Math.max(8, Math.min(top, innerHeight - high - 8));
    const places = [[x, bottom + gap], [x, top - high - gap], [right + gap, y], [left - wide - gap, y]];
    const [cx, cy] = places.find(([a, b]) => fits(a, b)) ?? [innerWidth - wide - 16, innerHeight - high - 16];
    Object.assign(card.style, { left: `${cx}px`, top: `${cy}px` });
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
  function reveal(nodes) {
    const docked = innerWidth <= 700, room = innerHeight - (docked ? card.offsetHeight : 0), box = nodes[0].getBoundingClientRect();
    const inside = box.top >= 20 && box.bottom <= room - 20;
    if (!inside || !docked) {
      const top = box.height > room - 40 || docked ? box.top - 20 : box.top - (room - box.height) / 2;
      if (!inside) scrollBy({ top, behavior: calm() ? "instant" : "smooth" });
    }
    if (nodes.length === 1) nodes[0].scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" }); // inside what scrolls sideways
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
  const onEscape = (event) => { if (event.key === "Escape" && tour && !document.querySelector("dialog[open]")) end(); };
  document.addEventListener("keydown", onEscape);
  const onOpened = () => {
    const opened = model.get("opened");
    if (opened?.tour && !opened.visit) begin(opened.tour[0], opened.tour[1], true);
    else if (opened?.visit) answered = performance.now();
  };
  const onTours = () => { list(); if (!tour) onOpened(); };
  const listeners = { "change:tours": onTours, "change:opened": onOpened };
  for (const name in listeners) model.on(name, listeners[name]);
  const stopTheme = [followTheme(root), followTheme(layer)];
  onTours();
  el.dataset.ready = "1";
  return () => {
    end();
    for (const name in listeners) model.off?.(name, listeners[name]);
    document.removeEventListener("keydown", onEscape);
    for (const stopped of stopTheme) stopped();
  };
}

export default { render };
