// Links to what one sees: the address bar follows the page, a button copies it, a dialog makes a link for a class.
// render({ model, el }) -> disposer. `opened`: what the server read from a link ({ query, step, tour, notice,
// forget }); `address`: the settings as they are now ({ query, file }); `touring`: { name, stop } while a tour is open. el.dataset: ready, link.

import { DARK, LOOK, followTheme, h, put } from "./common.js";

const CSS = `
.ts { ${LOOK} } .ts[data-theme=dark] { ${DARK} } .ts *, .ts *::before, .ts *::after { box-sizing: border-box } .ts [hidden] { display: none !important }
.ts-bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; justify-content: flex-end }
.ts button, .ts-dialog button { min-height: 32px; padding: 2px 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--bg); color: inherit; font: inherit; font-size: 13px; cursor: pointer; white-space: nowrap }
.ts button:hover { border-color: var(--fg) } .ts :is(button, input, select):focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.ts input[type=text], .ts textarea { width: 100%; min-width: 0; padding: 6px 8px; border: 1px solid var(--line); border-radius: 8px; background: var(--bg); color: inherit; font: 13px/1.4 ui-monospace, monospace }
.ts-link { display: flex; flex: 1 1 100%; gap: 8px; align-items: center; flex-wrap: wrap } .ts-link input { flex: 1 1 220px } .ts-said { color: var(--mute); font-size: 12.5px }
.ts-notice { display: flex; gap: 10px; align-items: baseline; justify-content: space-between; margin-top: 8px; padding: 6px 10px; border: 1px solid var(--line); border-radius: 8px; font-size: 13px; overflow-wrap: anywhere }
.ts-dialog { width: min(640px, calc(100vw - 24px)); max-height: calc(100vh - 24px); overflow: auto; margin: auto; padding: 16px 18px; border: 1px solid var(--line); border-radius: 12px; background: var(--bg); color: var(--fg) }
.ts-dialog::backdrop { background: rgb(0 0 0 / .4) } .ts-dialog h2 { margin: 0 0 4px; font-size: 18px } .ts-dialog p { margin: 0 0 10px; color: var(--mute); font-size: 13px }
.ts-dialog fieldset { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 2px 12px; margin: 0 0 10px; padding: 8px 10px; border: 1px solid var(--line); border-radius: 8px } .ts-dialog legend { padding: 0 4px; font-weight: 600 }
.ts-dialog label { display: flex; gap: 7px; align-items: center; min-height: 28px; font-size: 13.5px; cursor: pointer } .ts-dialog .ts-row { display: flex; align-items: center; gap: 8px; margin: 0 0 8px; flex-wrap: wrap }
.ts-dialog .ts-field { display: block; margin: 0 0 10px } .ts-dialog .ts-field input, .ts-dialog textarea { margin-top: 4px } .ts-dialog select { padding: 4px 6px; border: 1px solid var(--line); border-radius: 8px; background: var(--bg); color: inherit; font: inherit; appearance: auto }
.ts-dialog input[type=checkbox] { appearance: auto; width: 16px; height: 16px; flex: none; accent-color: var(--fg) } .ts-dialog p.ts-only { color: var(--fg); font-weight: 600 } .ts-end { display: flex; gap: 8px; justify-content: flex-end }`;
const WORDS = TEXTS.share;
const LATER = 250; // ms in which changes become one change of the address

function render({ model, el }) {
  const style = document.createElement("style");
  style.textContent = CSS;
  const button = (text, act) => {
    const node = h("button", "", text);
    node.type = "button";
    node.addEventListener("click", act);
    return node;
  };
  const readonly = (label, tag = "input") => {
    const node = h(tag);
    Object.assign(node, { readOnly: true, spellcheck: false }, tag === "input" ? { type: "text" } : { rows: 3 });
    node.setAttribute("aria-label", label);
    node.addEventListener("focus", () => node.select());
    return node;
  };
  const shown = readonly(WORDS.link),
    said = h("span", "ts-said"),
    file = h("span", "ts-said", WORDS.file),
    only = h("span", "ts-said", WORDS.only_here),
    row = h("div", "ts-link", shown, said, file, only);
  const notice = h("span"),
    shut = button(WORDS.shut, () => {
      box.hidden = true;
      wide();
    }),
    box = h("div", "ts-notice", notice, shut),
    live = h("div", "", box);
  const bar = h("div", "ts-bar", button(WORDS.copy, offer), button(WORDS.teach, open), row);
  const dialog = h("dialog", "ts-dialog"),
    root = h("div", "ts", style, bar, live, dialog);
  said.setAttribute("role", "status");
  live.setAttribute("role", "status");
  row.hidden = box.hidden = true;
  el.replaceChildren(root);

  // ---- the address

  const here = new URLSearchParams(location.search);
  const kept = ["hide", "embed", ...[...here.keys()].filter((name) => name.startsWith("__"))]; // of the page that this is, not of its settings
  let state = null,
    timer = 0;
  const tab = () => document.querySelector("#tabs [role=tab][aria-selected=true]")?.getAttribute("data-tab-id") ?? "";

  function query() {
    const said = new URLSearchParams(state?.query ?? ""),
      touring = model.get("touring"),
      step = model.get("step"),
      { steps = 0, read = 0 } = model.get("plan") ?? {},
      last = Math.max(steps, read) - 1;
    if (touring) return new URLSearchParams({ tour: touring.name, stop: String(touring.stop + 1) });
    const first = document.querySelector("#tabs [role=tab]")?.getAttribute("data-tab-id");
    if (tab() && tab() !== first) said.set("tab", tab());
    const playing = document.querySelector("#player[data-playing='1'], #player [data-playing='1']"); // a step on the way is no choice
    if (Number.isInteger(step) && step !== last && step >= 0 && !playing) said.set("step", step);
    return said;
  }
  const plain = (params) => params.toString().replaceAll("%2C", ",").replaceAll("%2F", "/"); // easier to read, and the same
  const asked = (params) => (params.size ? `?${plain(params)}` : "");
  const own = () => location.origin + location.pathname;
  // Under 127.0.0.1 nobody else finds the page: a link to pass on carries the address that the server knows, if any.
  const local = /^(localhost|127\..*|\[::1\])$/.test(location.hostname);
  const passed = () => (local && model.get("shareable")?.address ? `${model.get("shareable").address}/` : own());
  const alone = () => local && !model.get("shareable")?.address;
  const url = (params) => passed() + asked(params);
  function params() {
    const said = query();
    for (const name of kept) if (here.has(name)) said.set(name, here.get(name));
    return said;
  }
  const address = () => url(params());
  function follow() {
    clearTimeout(timer);
    if (!model.get("opened")) return; // a link is read before it is written
    timer = setTimeout(() => {
      const said = params(),
        now = own() + asked(said);
      history.replaceState(history.state, "", now);
      sessionStorage.setItem("trm-address", location.search); // a reload of this is no new link
      el.dataset.link = now;
      shown.value = url(said);
      file.hidden = !state?.file;
    }, LATER);
  }

  const wide = () => {
    el.dataset.wide = row.hidden && box.hidden ? 0 : 1;
  };
  function offer() {
    row.hidden = false;
    wide();
    shown.value = address();
    file.hidden = !state?.file;
    only.hidden = !alone();
    copy(shown.value, shown, said);
  }
  // A page may not be allowed to write to the clipboard: then the link stands there, selected.
  async function copy(text, field, words) {
    field.focus();
    field.select();
    try {
      await navigator.clipboard.writeText(text);
      put(words, WORDS.copied);
    } catch {
      put(words, WORDS.selected);
    }
  }

  // ---- for teachers

  function open() {
    const parts = model.get("shareable")?.hide ?? [],
      tours = model.get("tours") ?? [];
    const tick = (text, checked) => {
      const input = h("input");
      Object.assign(input, { type: "checkbox", checked });
      return [h("label", "", input, text), input];
    };
    const hidden = (here.get("hide") ?? "").split(",");
    const boxes = parts.map(([name, text]) => [name, ...tick(text, hidden.includes(name))]);
    const [embedRow, embed] = tick(WORDS.embed, here.get("embed") === "1");
    const start = h(
      "select",
      "",
      ...[["", WORDS.none], ...tours.map((tour) => [tour.name, tour.title])].map(
        ([value, text]) => new Option(text, value),
      ),
    );
    const before = h("label", "", WORDS.start);
    before.htmlFor = start.id = "ts-start";
    const link = readonly(WORDS.link),
      frame = readonly(WORDS.frame, "textarea"),
      done = h("span", "ts-said"),
      title = h("h2", "", WORDS.title);
    const update = () => {
      const params = start.value ? new URLSearchParams({ tour: start.value, stop: "1" }) : query(),
        hide = boxes.filter(([, , input]) => input.checked).map(([name]) => name);
      if (hide.length) params.set("hide", hide.join(","));
      if (embed.checked) params.set("embed", "1");
      link.value = url(params);
      frame.value = `<iframe src="${link.value.replaceAll("&", "&amp;")}" width="100%" height="900" title="trm_explore"></iframe>`;
      put(done, "");
    };
    done.setAttribute("role", "status");
    title.id = "ts-title";
    dialog.setAttribute("aria-labelledby", title.id);
    dialog.replaceChildren(
      title,
      h("p", "", WORDS.explain),
      ...(alone() ? [h("p", "ts-only", WORDS.only_here)] : []),
      h("fieldset", "", h("legend", "", WORDS.hide), ...boxes.map(([, label]) => label)),
      h("div", "ts-row", embedRow),
      h("div", "ts-row", before, start),
      h("label", "ts-field", WORDS.link, link),
      h("label", "ts-field", WORDS.frame, frame),
      h(
        "div",
        "ts-end",
        done,
        button(WORDS.copy, () => copy(link.value, link, done)),
        button(WORDS.close, () => dialog.close()),
      ),
    );
    dialog.oninput = update;
    update();
    dialog.showModal();
  }

  // ---- what the server says

  const onOpened = () => {
    const opened = model.get("opened");
    if (!opened) return;
    state = { query: opened.query, file: false };
    if (opened.forget) for (const key of ["trm-run", "trm-run-gone"]) sessionStorage.removeItem(key);
    put(notice, opened.notice);
    box.hidden = !opened.notice;
    wide();
    if (opened.visit || opened.step != null) model.set("step", opened.step ?? undefined); // undefined: the last
    follow();
  };
  const onAddress = () => {
    state = model.get("address");
    follow();
  };
  const listeners = {
    "change:opened": onOpened,
    "change:address": onAddress,
    "change:step": follow,
    "change:touring": follow,
    "change:plan": follow,
  };
  for (const name in listeners) model.on(name, listeners[name]);
  const tabs = new MutationObserver(follow);
  const watch = document.querySelector("#tabs");
  if (watch) tabs.observe(watch, { subtree: true, attributes: true, attributeFilter: ["aria-selected"] });
  const stopTheme = followTheme(root);
  onOpened();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    tabs.disconnect();
    clearTimeout(timer);
    stopTheme();
  };
}

export default { render };
