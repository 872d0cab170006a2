// The browser's half of bridge.py, once on the page and before any component: the store, and what joins Gradio to it.

window.trmStore ??= (() => {
  const values = {},
    listeners = {},
    lists = ["points", "evals", "frames"];
  let joined = null; // the run so far, for a module that is mounted late
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

// What the page asks of the server, in lanes ("settings_pick" is in the lane "settings"): in each lane one thing at a
// time and in order, so that every request finds the page as the answer before it has left it, and no answer is late.
// What waits and is asked again is asked once, with what was said last. Gradio's own ways of listening lose what comes
// while an answer is awaited ("once"), or repeat the event with what was said first, for all of its listeners
// ("always_last"; two of them on one event call each other for ever).
window.trmTurns ??= (() => {
  const lanes = {},
    been = new Set();
  let trigger = null;
  const laneOf = (name) => (lanes[name.split("_")[0]] ??= { now: null, next: [] });
  const linked = location.search || sessionStorage.getItem("trm-run");
  const mark = () => {
    // page.css shows what waits for an answer as old; the page as it opens is not, unless by a link
    const names = Object.values(lanes)
      .flatMap(({ now, next }) => [now, ...next].filter(Boolean).map(({ name }) => name))
      .filter((name) => linked || name !== "settings_arrive");
    const words = new Set(names.flatMap((name) => [name, name.split("_")[0]]));
    document.querySelector(".gradio-container")?.setAttribute("data-waiting", [...words].join(" "));
  };
  const go = (lane) => {
    if (lane.now || !lane.next.length || !trigger) return;
    const { name, data } = (lane.now = lane.next.shift());
    mark();
    setTimeout(() => trigger(name, data)); // not before all is set that is being set
  };
  // What is typed into the settings. Gradio tells of what comes by key, not of what is pasted with a mouse.
  document.addEventListener("input", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target.closest?.("#switches, #more") && !target.closest("#preset")) ask("settings_follow");
  });
  const ask = (name, data = {}) => {
    const lane = laneOf(name);
    been.add(name);
    lane.next = [...lane.next.filter((one) => one.name !== name), { name, data }];
    mark();
    go(lane);
  };
  return {
    ask,
    start: (given) => {
      trigger = given;
      Object.values(lanes).forEach(go);
    },
    hold: (name) => {
      // something that is asked in another way
      laneOf(name).now = { name };
      mark();
    },
    done: (name) => {
      const lane = laneOf(name);
      if (lane.now?.name !== name) return;
      lane.now = null;
      if (["settings", "compare", "inside"].includes(name.split("_")[0]) && name !== "settings_arrive")
        ask("address_write");
      mark();
      go(lane);
    },
    been: (name) => been.has(name),
    now: (lane) => lanes[lane]?.now?.name ?? "",
  };
})();

// Runs the module at `address` in a Gradio element. Modules of one scope share their names with each other only.
// `turns`: the events of the module that are asked in a lane.
window.trmHost = (element, trigger, address, scope, turns = {}) => {
  const store = window.trmStore,
    name = (event) => scope + event.split(":")[1];
  let mounting = true;
  const model = {
    get: (key) => (mounting && scope + key === "message" ? store.joined() : store.get(scope + key)),
    set: (key, value) => store.set(scope + key, value),
    save_changes: () => {},
    ahead: true, // the stage fetches all models while the server is there
    load: async (place) => {
      const answer = await fetch(new URL(place, document.baseURI));
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    },
    emit: (event, data) => (turns[event] ? window.trmTurns.ask(turns[event], data) : trigger(event, data)),
    on: (event, call) => store.on(name(event), call),
    off: (event, call) => store.off(name(event), call),
  };
  import(new URL(address, document.baseURI).href)
    .then((module) => {
      const dispose = module.default.render({ model, el: element });
      mounting = false;
      // Gradio has no hook for removal.
      const gone = new MutationObserver(() => {
        if (!element.isConnected) {
          gone.disconnect();
          dispose?.();
        }
      });
      gone.observe(document.body, { childList: true, subtree: true });
    })
    .catch((error) => {
      // such as a tab of before the server was started anew
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

// Whether the runs that are shown as under way are still there. Of a run that computes something comes all the time; where
// nothing has come for a while, and only then, the server is asked. The store then has `lost`: "" (all is well), "server"
// (it does not answer) or "gone" (it does not know the run).
window.trmAlive ??= (() => {
  const QUIET = 3000,
    EVERY = 1000,
    PATIENCE = 5000,
    live = ["queued", "preparing", "running", "paused"]; // ms
  const shown = {};
  let timer = 0;
  const say = (name, lost) => {
    const one = shown[name];
    if (one.lost === lost) return;
    one.lost = lost;
    window.trmStore.set(name, lost);
    if (lost === "gone") one.gone();
  };
  const look = async (name) => {
    const one = shown[name];
    one.heard = Date.now(); // the next look comes a while after this one
    let lost = "server";
    try {
      const answer = await fetch(new URL(`alive/${one.run}`, document.baseURI), {
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (answer.ok) lost = (await answer.json()).alive ? "" : "gone";
    } catch {
      /* it does not answer */
    }
    if (shown[name] === one) say(name, lost);
  };
  const tick = () => {
    const due = Object.keys(shown).filter((name) => live.includes(shown[name].state) && shown[name].lost !== "gone");
    if (!due.length) {
      clearInterval(timer);
      timer = 0;
    }
    for (const name of due) if (!document.hidden && Date.now() - shown[name].heard > QUIET) look(name);
  };
  return {
    // A message came. `name`: of the store; `run`: its id; `gone`: what to do where the run turns out to be gone.
    heard: (name, run, state, gone) => {
      const before = shown[name]?.lost ?? "";
      shown[name] = { run, state, gone, heard: Date.now(), lost: before };
      say(name, "");
      timer ||= setInterval(tick, EVERY);
    },
  };
})();

// A message of a run or a group came: a reload of the tab finds it again, another tab does not take it over; the first of
// one that was waited for ends the waiting; and a change of state is said (`turned`), which changes the buttons.
window.trmShown ??= (() => {
  const states = { run: null, group: null };
  let member = ""; // a run of the group, by which it is asked after
  const turn = (name, state, turned) => {
    if (states[name] === state) return;
    states[name] = state;
    turned();
  };
  const seen = (name, id, state, key, lost, turned) => {
    sessionStorage.setItem(key, id);
    sessionStorage.removeItem(`${key}-gone`);
    window.trmTurns.done(`watch_${name}`);
    window.trmAlive.heard(lost, name === "group" ? member : id, state, () => {
      sessionStorage.removeItem(key);
      sessionStorage.setItem(`${key}-gone`, id); // Gradio loads the page anew when the server is back: then it is said there
      turn(name, "gone", turned);
    });
  };
  return {
    states,
    run: ({ run, state }, turned) => {
      if (run.startsWith("recorded")) return window.trmAlive.heard("lost", run, "");
      seen("run", run, state, "trm-run", "lost", turned);
      turn("run", state, turned);
    },
    group: ({ group, state, recorded, runs }, turned) => {
      if (!recorded && !group.startsWith("none-")) {
        member = runs[0]?.message.run ?? member;
        seen("group", group, state, "trm-group", "group_lost", turned);
      } else window.trmAlive.heard("group_lost", group, "");
      turn("group", state, turned);
    },
  };
})();
