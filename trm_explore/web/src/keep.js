// What one can take along of the run that is shown: links, each to a file that is made when it is asked for.
// render({ model, el }) -> disposer; `message` says which run it is. el.dataset: ready, run.

import { DARK, LOOK, followTheme, h, put } from "./common.js";

const CSS = `
.kp { ${LOOK} } .kp[data-theme=dark] { ${DARK} }
.kp ul { display: flex; flex-wrap: wrap; gap: 8px 10px; list-style: none; margin: 0; padding: 0 }
.kp a { display: inline-block; padding: 7px 12px; border: 1px solid var(--line); border-radius: 8px; color: var(--fg); text-decoration: none; font-size: 13.5px }
.kp a:hover { border-color: var(--fg) } .kp a:focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.kp p { margin: 0 0 8px; color: var(--mute); font-size: 13px }`;
const FILES = ["report.html", "run.csv", "model.safetensors", "run.zip", "ribbon", "losses", "accuracy"];
const KINDS = ["png", "svg", "pdf"];

function render({ model, el }) {
  const style = document.createElement("style"),
    said = h("p"),
    list = h("ul"),
    root = h("div", "kp", style, said, list);
  style.textContent = CSS;
  said.setAttribute("aria-live", "polite");
  el.replaceChildren(root);
  let run = null,
    trained = false;

  const anchor = (file, words) => {
    const node = h("a", "", words);
    node.href = `keep/${encodeURIComponent(run)}/${file}`;
    node.setAttribute("download", "");
    return h("li", "", node);
  };
  function paint() {
    put(said, trained ? TEXTS.keep.about : TEXTS.keep.nothing);
    const links = FILES.flatMap((name) =>
      name.includes(".")
        ? [anchor(name, TEXTS.keep[name])]
        : KINDS.map((kind) => anchor(`${name}.${kind}`, `${TEXTS.keep[name]}, ${kind.toUpperCase()}`)),
    );
    list.replaceChildren(...(trained ? links : []));
    Object.assign(el.dataset, { run: trained ? run : "" });
  }
  function take() {
    const message = model.get("message");
    if (!message) return;
    const anew = message.run !== run;
    if (anew || message.from === 0) trained = false;
    const more = Boolean(message.points?.length);
    [run, trained] = [message.run, trained || more];
    if (anew || (more && el.dataset.run !== run) || message.from === 0) paint();
  }
  model.on("change:message", take);
  const stopTheme = followTheme(root);
  paint();
  take();
  el.dataset.ready = "1";
  return () => {
    model.off?.("change:message", take);
    stopTheme();
  };
}

export default { render };
