// The browser's half of bridge.py, once on the page and before any component: the store, and what joins Gradio to it.

window.trmStore ??= (() => {
  const values = {}, listeners = {}, lists = ["points", "evals", "frames"];
  let joined = null;  // the run so far, for a module that is mounted late
  const join = (m) => {
    if (!m) return;
    if (!joined || m.from === 0) joined = { ...m, ...Object.fromEntries(lists.map((k) => [k, [...m[k]]])) };
    else {
      const before = joined;
      joined = { ...m, from: 0, ...Object.fromEntries(lists.map((k) => [k, before[k]])) };
      for (const k of lists) joined[k].push(...m[k]);
    }
  };
  return {
    get: (name) => values[name],
    set: (name, value) => {
      if (name === "message") join(value);
      values[name] = value;
      for (const call of [...(listeners[name] ?? [])]) call();
    },
    on: (name, call) => (listeners[name] ??= new Set()).add(call),
    off: (name, call) => listeners[name]?.delete(call),
    joined: () => joined,
  };
})();

// Runs the module at `address` in a Gradio element. Modules of one scope share their names with each other only.
window.trmHost = (element, trigger, address, scope) => {
  const store = window.trmStore, name = (event) => scope + event.split(":")[1];
  let mounting = true;
  const model = {
    get: (key) => (mounting && scope + key === "message" ? store.joined() : store.get(scope + key)),
    set: (key, value) => store.set(scope + key, value),
    save_changes: () => {},
    emit: (event, data) => trigger(event, data),
    on: (event, call) => store.on(name(event), call),
    off: (event, call) => store.off(name(event), call),
  };
  import(new URL(address, document.baseURI)).then((module) => {
    const dispose = module.default.render({ model, el: element });
    mounting = false;
    // Gradio has no hook for removal.
    const gone = new MutationObserver(() => { if (!element.isConnected) { gone.disconnect(); dispose?.(); } });
    gone.observe(document.body, { childList: true, subtree: true });
  }).catch((error) => { // such as a tab of before the server was started anew
    console.error(error);
    element.textContent = window.trmNotDrawn;
  });
};

// Puts the value of a Gradio element into the store, now and whenever the server sends another; then calls `after`.
window.trmLink = (name, props, watch, after) => {
  const put = () => {
    if (!props.value) return;
    const value = typeof props.value === "string" ? JSON.parse(props.value) : props.value;
    window.trmStore.set(name, value);
    after?.(value);
  };
  put();
  watch("value", put);
};
