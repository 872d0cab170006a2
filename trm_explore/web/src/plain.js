// What drawing modules see as their `model` where neither Gradio nor a notebook stands behind them: a report, a site.
// load(place) gives what stands at a place, for the stage.
export function plainModel(values, load = null) {
  const now = { ...values },
    listeners = {};
  return {
    get: (name) => now[name],
    set: (name, value) => {
      now[name] = value;
      for (const call of [...(listeners[`change:${name}`] ?? [])]) call();
    },
    save_changes: () => {},
    on: (event, call) => (listeners[event] ??= new Set()).add(call),
    off: (event, call) => listeners[event]?.delete(call),
    load,
  };
}

// Mounts modules, each into the element of its name; those without an element are left out.
export function mount(model, modules) {
  for (const name in modules) {
    const el = document.getElementById(name);
    if (el) modules[name].render({ model, el });
  }
}
