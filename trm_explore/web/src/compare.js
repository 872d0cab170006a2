// Runs side by side: their curves on the same axes, the same puzzle on their boards with one step for all, a table of where each stands, and who is ahead
// beside what was guessed. `group` is a message of comparison.py, as text (runs with news only; first: true begins anew), `guess` what the visitor has chosen, `board_step` the step of
// all boards (null: each run's last).
// render({ model, el }) -> disposer; emits turn through the page, again.
// el.dataset: ready, group, state, runs, points (of each run), step, against, waits (for a guess).

import { DARK, LOOK, fill, h, percent, put } from "./common.js";
import { answers } from "./answers.js";
import { BOARD_CSS, boards } from "./boards.js";
import { charts } from "./charts.js";

const W = TEXTS.compare;
const CSS = `${BOARD_CSS} ${charts.STYLE}
.tq { ${LOOK} } .tq[data-theme=dark] { ${DARK} }
.tq *, .tq *::before, .tq *::after { box-sizing: border-box } .tq [hidden] { display: none !important }
.tq-status { color: var(--mute); font-size: 13px; min-height: 1.45em; font-variant-numeric: tabular-nums }
.tq-said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
.tq-verdict { margin: 2px 0 10px; font-size: 16px; line-height: 1.4 } .tq-verdict small { display: block; color: var(--mute); font-size: 13px } .tq-verdict b { font-weight: 650 }
.tq-names { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 0 0 10px; padding: 0; list-style: none; font-size: 13.5px }
.tq-names li { display: inline-flex; align-items: center; gap: 8px } .tq-names b { font-weight: 700 }
.tq-tools { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: center; margin: 4px 0 10px; font-size: 13px; color: var(--mute) }
.tq-tools label { display: inline-flex; align-items: center; gap: 6px; margin: 0; font-size: inherit; color: inherit; cursor: pointer } .tq-tools input { margin: 0; accent-color: var(--fg) }
.tq-tools select { font: inherit; color: var(--fg); background: var(--bg); border: 1px solid var(--line); border-radius: 6px; padding: 3px 22px 3px 8px }
.tq-tools input[type=range] { width: 84px }
.tq-pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 14px }
.tq-card { border: 1px solid var(--line); border-radius: 12px; background: var(--bg); padding: 10px 12px 12px; margin-top: 14px; min-width: 0 } .tq-title { font-weight: 600 }
.tq-boards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 126px), 1fr)); gap: 16px 20px; margin-top: 10px }
.tq-run { --c: var(--light); min-width: 0; max-width: 250px } .tq[data-theme=dark] .tq-run { --c: var(--dark) }
.tq-run > div:first-child { display: flex; gap: 8px; align-items: center; font-size: 13px; margin-bottom: 6px } .tq-run b { font-weight: 700 }
.tq-fact { font-size: 14px; margin-top: 6px; font-variant-numeric: tabular-nums } .tq-fact small { display: block; color: var(--mute); font-size: 12.5px }
.tq-bar { display: flex; gap: 8px; align-items: center; margin-top: 12px; flex-wrap: wrap } .tq-bar input { flex: 1 1 120px; min-width: 80px; margin: 0; accent-color: var(--fg) }
.tq-gate { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; margin: 4px 0 12px; padding: 14px; border: 1px dashed var(--line); border-radius: 12px; font-size: 15px }
.tq-verdict:focus { outline: 0 }
:is(.tq-bar, .tq-gate) button { height: 34px; padding: 0 12px; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit; cursor: pointer }
.tq-bar button:hover { border-color: var(--fg) } .tq-bar button[aria-pressed=true] { background: var(--fg); color: var(--bg); border-color: var(--fg) }
.tq :is(button, select, input, .tq-scroll):focus-visible { outline: 2px solid var(--fg); outline-offset: 2px }
.tq-bar output { font-size: 13px; color: var(--mute); min-width: 14ch; font-variant-numeric: tabular-nums }
.tq-scroll { overflow-x: auto; font-size: 13px } .tq-scroll .tc-table { width: 100% } .tq-scroll .tc-table caption { position: absolute; clip-path: inset(50%) }
.tq-scroll .tc-table :is(th, td) { padding: 5px 14px 5px 0 } .tq-scroll .tc-table :is(th, td):first-child { text-align: left; white-space: normal; min-width: 130px } .tq-scroll .tc-table th { color: var(--mute); font-size: 12px }
@media (prefers-reduced-motion: reduce) { .tq * { transition: none !important } }`;

const STEP_MS = 700; // one step while playing
const SAME = 0.02; // final answers that differ by less are called equal
const SOLVED = 0.05; // where nobody solves more than this share, cells are compared
const SPOKEN_MS = 10000; // a screen reader hears of progress this often

// A list may be shorter or longer than the run's steps (curriculum, random cycles): its last entry is the final answer's.
const at = (list, k, S) => (!list?.length ? null : k === S - 1 ? list.at(-1) : k < list.length - 1 ? list[k] : null);

// Who is ahead. finals: [[letter, share], ..]; everybody within the margin of the best leads. `even`: all do. Best first.
function judged(finals) {
  const order = [...finals].sort((a, b) => b[1] - a[1]);
  const leaders = order.filter(([, share]) => Number((order[0][1] - share).toFixed(9)) < SAME);
  return { leaders, behind: order.slice(leaders.length), even: leaders.length === order.length };
}
// Whether a guess (a letter, or "none") is what came out: any of those who lead, where somebody is behind.
function guessedRight({ leaders, even }, guess) {
  return even ? guess === "none" : leaders.some(([letter]) => letter === guess);
}

function render({ model, el }) {
  const { number } = charts,
    style = document.createElement("style");
  style.textContent = CSS;
  const option = { step: "last", seconds: false, log: false, smooth: 0.6, cells: false };
  const check = (text, onchange) => {
    const input = h("input");
    input.type = "checkbox";
    input.addEventListener("change", () => {
      onchange(input.checked);
      live.request();
    });
    return h("label", "", input, text);
  };
  const range = (label, most, step, value, oninput) => {
    const input = h("input");
    Object.assign(input, { type: "range", min: "0", max: String(most), step: String(step), value: String(value) });
    if (label) input.setAttribute("aria-label", label);
    input.addEventListener("input", () => oninput(Number(input.value)));
    return input;
  };
  const button = (text, onclick) => {
    const node = h("button", "", text);
    node.type = "button";
    node.addEventListener("click", onclick);
    return node;
  };
  const select = h(
    "select",
    "",
    ...["last", "first", "all"].map((name) => {
      const node = h("option", "", W[name]);
      node.value = name;
      return node;
    }),
  );
  select.addEventListener("change", () => {
    option.step = select.value;
    live.request();
  });
  const status = h("div", "tq-status"),
    said = h("div", "tq-said"),
    verdict = h("div", "tq-verdict"),
    names = h("ul", "tq-names");
  said.setAttribute("role", "status");
  verdict.setAttribute("aria-live", "polite");
  names.setAttribute("aria-label", W.runs);
  const tools = h(
    "div",
    "tq-tools",
    h("label", "", W.step, select),
    check(W.in_seconds, (on) => {
      option.seconds = on;
    }),
    check(W.log, (on) => {
      option.log = on;
    }),
    h(
      "label",
      "",
      W.smoothing,
      range("", 0.95, 0.05, option.smooth, (x) => {
        option.smooth = x;
        live.request();
      }),
    ),
    check(W.cells_instead, (on) => {
      option.cells = on;
    }),
  );
  const lossChart = charts.line({ empty: W.empty_loss }),
    scoreChart = charts.line({ empty: W.empty_scores });
  const strip = h("div", "tq-boards"),
    slider = range(W.boards_step, 0, 1, 0, (k) => {
      stop();
      go(k);
    }),
    shown = h("output");
  const playButton = button(W.play, () => toggle()),
    lastButton = button(W.final_answers, () => {
      stop();
      go(null);
    });
  const boardCard = h(
    "div",
    "tq-card",
    h("div", "tq-title", W.boards),
    strip,
    h("div", "tq-bar", playButton, slider, lastButton, shown),
  );
  const tableCard = h("div", "tq-card tq-scroll"); // on a phone it scrolls sideways, by keys too
  Object.assign(tableCard, { tabIndex: 0, role: "region", ariaLabel: W.table });
  // Results of recorded runs wait for a guess, or for somebody who does without.
  const reveal = button(W.reveal, () => {
    revealed = group;
    live.now();
    verdict.tabIndex = -1;
    verdict.focus();
  });
  const gate = h("div", "tq-gate", h("span", "", W.guess_first), reveal);
  const rest = h("div", "", tools, h("div", "tq-pair", lossChart.node, scoreChart.node), boardCard, tableCard);
  const root = h("div", "tq", style, status, said, names, gate, verdict, rest);
  el.replaceChildren(root);

  let revealed = null; // the group whose results were asked for without a guess
  let asks = false;
  let runs = [],
    group = null,
    state = "",
    text = W.empty,
    guess = null,
    recorded = false,
    step = null,
    lastMessage = null,
    timer = 0,
    spokenAt = 0; // step null: each run's last

  function take() {
    const sent = model.get("group");
    if (!sent || sent === lastMessage) return;
    lastMessage = sent;
    const message = typeof sent === "string" ? JSON.parse(sent) : sent;
    if (message.first) {
      stop();
      const asked = model.get("board_step"),
        own = (group == null || group === message.group) && Number.isInteger(asked) ? asked : null; // another group begins with final answers
      [runs, group] = [[], message.group];
      go(own);
      for (const c of [lossChart, scoreChart]) c.leave();
    }
    if (message.group !== group) return; // of runs that are no longer shown
    const turned = message.state !== state || message.first;
    ({ state, text, guess, recorded } = message);
    asks = Boolean(message.asks);
    for (const news of message.runs) {
      let run = runs.find((r) => r.letter === news.letter);
      if (!run) {
        run = { points: [], evals: [], frame: null, view: boards.view(), fact: h("div", "tq-fact"), ...news };
        run.mark = charts.sign(run.style);
        run.node = h(
          "div",
          "tq-run",
          h("div", "", charts.sign(run.style), h("b", "", run.letter)),
          run.view.node,
          run.fact,
        );
        runs.push(run);
      }
      const { points = [], evals = [], frames = [], steps, read, colors } = news.message;
      const append = (held, fresh) => {
        for (const p of fresh) if (!held.length || p[0] > held.at(-1)[0]) held.push(p);
      };
      append(run.points, points);
      append(run.evals, evals);
      Object.assign(run, {
        frame: frames.at(-1) ?? run.frame,
        S: steps ?? run.S,
        read: read ?? steps ?? run.read,
        colors: colors ?? run.colors,
      });
    }
    if (message.first) {
      names.replaceChildren(...runs.map((run) => h("li", "", run.mark, h("b", "", run.letter), run.name)));
      strip.replaceChildren(...runs.map((run) => run.node));
    }
    if (turned || Date.now() - spokenAt > SPOKEN_MS) {
      put(said, text);
      spokenAt = Date.now();
    }
    Object.assign(el.dataset, {
      group,
      state,
      runs: runs.length,
      points: runs.map((run) => run.points.length).join(" "),
    });
  }

  // The clock of a run at an update, for evaluations; recorded points are thinned.
  function secondsAt(run, update) {
    const i = run.points.findIndex((p) => p[0] >= update),
      b = run.points[i < 0 ? run.points.length - 1 : i],
      a = run.points[Math.max(0, (i < 0 ? run.points.length : i) - 1)];
    if (!b) return null;
    return b[0] === a[0] ? (b[1] * update) / b[0] : a[1] + ((b[1] - a[1]) * (update - a[0])) / (b[0] - a[0]);
  }
  const steps = (n) =>
    option.step === "last" ? [n - 1] : option.step === "first" ? [0] : Array.from({ length: n }, (_, k) => k);
  // One series a run, or one a run and step; the early steps then are pale and only the final one has its sign and letter.
  const series = (count, rows, x, list, smooth) =>
    runs.flatMap((run) => {
      const held = rows(run),
        xs = held.map((row) => x(run, row)),
        n = count(run); // steps of training, or those that are read
      return steps(n).map((k) => {
        const main = option.step !== "all" || k === n - 1,
          ys = held.map((row) => at(list(row), k, n));
        return {
          name: option.step === "all" ? `${run.letter}, ${fill(W.step_of, { step: k })}` : run.letter,
          label: main ? run.letter : "",
          xs,
          ys,
          drawn: smooth ? charts.smoothed(ys, smooth) : null,
          pale: !main,
          color: run.style.color,
          dash: run.style.dash,
          marker: main ? run.style.marker : null,
        };
      });
    });
  const axis = () => ({
    label: option.seconds ? W.seconds : W.updates,
    whole: !option.seconds,
    least: option.seconds ? 0.1 : 1,
    said: when,
  });
  const when = (x) => fill(option.seconds ? W.at_seconds : W.at_updates, { x: number(x) });

  // Who is ahead at the last evaluation, as `judged` says it, and of what; null while somebody has no figures.
  function standing() {
    const asked = runs.filter((run) => !run.beside),
      finals = (name, n) =>
        asked.map((run) => [run.letter, run.scores?.[name]?.at(-1) ?? run.evals.at(-1)?.[n].at(-1) ?? null]);
    const exact = finals("exact", 2);
    if (asked.length < 2 || exact.some(([, share]) => share == null)) return null;
    const solves = exact.some(([, share]) => share > SOLVED),
      shares = solves ? exact : finals("cells", 1);
    if (shares.some(([, share]) => share == null)) return null;
    const firsts = asked
      .map(
        (run) =>
          `${run.letter} ${percent((run.scores?.[solves ? "exact" : "cells"] ?? run.evals.at(-1)[solves ? 2 : 1])[0])}`,
      )
      .join(", ");
    return { what: solves ? W.what_solved : W.what_cells, firsts, ...judged(shares) };
  }
  function paintVerdict() {
    const now = standing(),
      ended = recorded || ["finished", "stopped", "interrupted"].includes(state),
      chosen = guess || (recorded ? model.get("guess") : null);
    if (!now) {
      verdict.replaceChildren(h("small", "", runs.length ? W.nobody : ""));
      return;
    }
    const list = (those) => those.map(([letter, share]) => `${letter} ${percent(share)}`).join(", ");
    const facts = { what: now.what, leaders: list(now.leaders), behind: list(now.behind) };
    const parts = [h("span", "", fill(now.even ? W.even : now.leaders.length > 1 ? W.tied : W.ahead, facts)), " "];
    if (chosen) {
      const right = guessedRight(now, chosen);
      parts.push(
        h(
          "b",
          "",
          `${chosen === "none" ? W.guessed_none : fill(W.guessed, { guess: chosen })} ${W[`guess_${right ? "right" : "wrong"}${ended ? "" : "_now"}`]}`,
        ),
        " ",
      );
    }
    parts.push(
      h(
        "small",
        "",
        [fill(W.firsts, { list: now.firsts }), now.leaders.length > 1 && W.even_why, W.one_seed]
          .filter(Boolean)
          .join(" "),
      ),
    );
    const whole = parts.map((p) => p.textContent ?? p).join("");
    if (verdict.dataset.said === whole) return;
    verdict.dataset.said = whole;
    verdict.replaceChildren(...parts);
  }

  function paintBoards() {
    const most = Math.max(1, ...runs.map((run) => run.read || 1));
    slider.max = String(most - 1);
    slider.value = String(step ?? most - 1);
    put(shown, step == null ? W.shown_last : fill(W.shown, { step }));
    slider.setAttribute("aria-valuetext", shown.textContent);
    slider.disabled = playButton.disabled = most < 2;
    lastButton.setAttribute("aria-pressed", String(step == null));
    put(playButton, timer ? W.pause : W.play);
    for (const run of runs) {
      const S = run.frame?.steps?.length || 0,
        k = Math.min(step ?? S - 1, S - 1);
      run.view.node.hidden = !S;
      if (!S) {
        run.fact.replaceChildren(h("small", "", recorded ? W.no_board : W.no_board_yet));
        continue;
      }
      run.node.style.setProperty("--light", run.colors?.light?.[k] || "#4b5563");
      run.node.style.setProperty("--dark", run.colors?.dark?.[k] || "#9ca3af");
      run.view.draw(run.frame, k, null, run.colors);
      const words = answers.words(run.frame, k),
        place = step != null && step > k ? fill(W.stays, { step, last: k }) : fill(W.at_step, { step: k, last: S - 1 });
      const facts = [words.verdict ?? words.state ?? "", [place, words.change].filter(Boolean).join(" · ")];
      if (run.fact.dataset.said !== facts.join()) run.fact.replaceChildren(facts[0], h("small", "", facts[1]));
      run.fact.dataset.said = facts.join();
    }
  }

  let tableSaid = "";
  function paintTable() {
    const ways = (run, n, name) => {
      const list = run.scores?.[name] ?? run.evals.at(-1)?.[n];
      return list?.length
        ? list.length > 1
          ? `${percent(list[0])} → ${percent(list.at(-1))}`
          : percent(list[0])
        : "–";
    };
    const rows = runs.map((run) => {
      const [u, s] = run.scores?.updates ? [run.scores.updates, run.scores.seconds] : (run.points.at(-1) ?? [0, 0]);
      return [
        `${run.letter}  ${run.name}`,
        ways(run, 2, "exact"),
        ways(run, 1, "cells"),
        String(u),
        u ? Number(s).toFixed(1) : "–",
        u ? number(u / s) : "–",
        run.memory == null ? "–" : fill(W.memory_of, { factor: run.memory.toFixed(2) }),
      ];
    });
    const now = JSON.stringify(rows);
    if (now === tableSaid) return;
    tableSaid = now;
    tableCard.replaceChildren(
      h("div", "tq-title", W.table),
      charts.table(W.table, [W.run, W.solved_steps, W.cells_steps, W.update, W.time, W.speed, W.memory], rows),
    );
  }

  function paint() {
    const lost = (!recorded && model.get("group_lost")) || ""; // the runs, or the server that has them
    put(status, lost ? fill(lost === "gone" ? W.gone : W.lost, { text }) : text);
    el.dataset.lost = lost;
    const waits = asks && runs.length > 0 && !(guess || model.get("guess") || revealed === group);
    names.hidden = !runs.length;
    gate.hidden = !waits;
    verdict.hidden = waits;
    rest.hidden = !runs.length || waits;
    el.dataset.waits = waits ? 1 : 0;
    Object.assign(el.dataset, { step: step ?? "last", against: option.seconds ? "seconds" : "updates" });
    if (waits) return;
    paintVerdict();
    if (!runs.length) return;
    const which = { step: W[option.step] };
    put(lossChart.title, fill(W.loss, which));
    put(scoreChart.title, fill(option.cells ? W.cells : W.solved, which));
    lossChart.set({
      series: series(
        (run) => run.S,
        (run) => run.points,
        (_, p) => (option.seconds ? p[1] : p[0]),
        (p) => p[3],
        option.smooth,
      ),
      x: axis(),
      y: { log: option.log },
      head: when,
    });
    scoreChart.set({
      series: series(
        (run) => run.read,
        (run) => run.evals,
        (run, e) => (option.seconds ? secondsAt(run, e[0]) : e[0]),
        (e) => (option.cells ? e[1] : e[2]),
        0,
      ),
      x: axis(),
      y: { percent: true },
      head: when,
    });
    paintBoards();
    paintTable();
  }
  const live = charts.live(root, [lossChart, scoreChart], paint);

  // The step of all boards is shared as board_step; null: each run's last.
  function go(k) {
    step = k;
    if ((model.get("board_step") ?? null) !== k) {
      model.set("board_step", k);
      model.save_changes();
    }
    live.request();
  }
  const onStep = () => {
    const wanted = model.get("board_step") ?? null;
    if (wanted === step) return;
    stop();
    go(Number.isInteger(wanted) ? wanted : null);
  };
  function stop() {
    clearInterval(timer);
    timer = 0;
  }
  function toggle() {
    if (timer) {
      stop();
      live.request();
      return;
    }
    const most = Math.max(...runs.map((run) => run.read || 1)) - 1;
    go(step == null || step >= most ? 0 : step + 1);
    timer = setInterval(() => {
      if (step < most) go(step + 1);
      if (step >= most) stop();
      live.request();
    }, STEP_MS);
    live.request();
  }

  const onGroup = () => {
    take();
    live.request();
  };
  const listeners = {
    "change:group": onGroup,
    "change:guess": live.request,
    "change:board_step": onStep,
    "change:group_lost": live.request,
  };
  for (const name in listeners) model.on(name, listeners[name]);
  take();
  live.now();
  el.dataset.ready = "1";
  let before = null;
  try {
    before = sessionStorage.getItem("trm-group");
  } catch {
    /* a page without storage remembers nothing */
  }
  if (before) model.emit?.("again", { group: before });
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    stop();
    live.dispose();
  };
}

export default { render };
