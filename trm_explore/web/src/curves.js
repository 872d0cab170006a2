// Live curves: the loss of each step during training, and what each step gets right on held-out puzzles.
// All points are kept (a run is at most some ten thousand updates); drawing thins them to the pixels there are.
// render({ model, el }) -> disposer; el.dataset: ready, run, points, evals, draws, step, lastLosses.

import { DARK, LOOK, fill, h, percent } from "./common.js";
import { charts } from "./charts.js";

const CSS = `${charts.STYLE}
.tc { ${LOOK}; line-height: 1.4 } .tc[data-theme=dark] { ${DARK} }
.tc *, .tc *::before { box-sizing: border-box } .tc [hidden] { display: none }
.tc-pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 14px }
.tc-tables { display: flex; flex-wrap: wrap; gap: 14px; overflow-x: auto; margin-top: 10px; font-size: 12.5px }`;

// A list may be shorter or longer than the run's steps (curriculum, random cycles): its last entry is the final answer's.
const T = TEXTS.curves;
const at = (list, k, S) => (!list?.length ? null : k === S - 1 ? list.at(-1) : k < list.length - 1 ? list[k] : null);

function render({ model, el }) {
  const { number } = charts,
    style = document.createElement("style");
  style.textContent = CSS;
  const check = (text, onchange) => {
    const input = h("input");
    input.type = "checkbox";
    input.addEventListener("change", () => {
      onchange(input.checked);
      live.request();
    });
    return h("label", "", input, text);
  };
  const option = { log: false, seconds: false, smooth: 0, cells: false, table: false };
  const slider = h("input");
  Object.assign(slider, { type: "range", min: "0", max: "0.95", step: "0.05", value: "0" });
  slider.addEventListener("input", () => {
    option.smooth = Number(slider.value);
    live.request();
  });
  const tables = h("div", "tc-tables");
  tables.hidden = true;
  let points = [],
    evals = [],
    run = null,
    S = 0,
    read = 0,
    colors = null,
    lastMessage = null,
    draws = 0;

  const lossChart = charts.line({
    title: T.losses,
    empty: T.no_losses,
    tools: [
      check(T.log, (on) => {
        option.log = on;
      }),
      check(T.in_seconds, (on) => {
        option.seconds = on;
      }),
      h("label", "", T.smoothing, slider),
    ],
  });
  const scoreChart = charts.line({
    title: T.scores,
    empty: T.no_scores,
    tools: [
      check(T.cells_instead, (on) => {
        option.cells = on;
        scoreChart.title.textContent = on ? T.cells_scores : T.scores;
      }),
      check(T.as_table, (on) => {
        option.table = on;
        tables.hidden = !on;
      }),
    ],
  });
  const root = h("div", "tc", style, h("div", "tc-pair", lossChart.node, scoreChart.node), tables);
  el.replaceChildren(root);

  // One series a step over shared xs; n steps: of training, or those that are read, which may be more.
  const series = (n, rows, xs, list, step, more) =>
    Array.from({ length: n }, (_, k) => {
      const ys = rows.map((row) => at(list(row), k, n)),
        last = k === n - 1,
        chosen = step ?? n - 1;
      return {
        name: fill(T.step, { k }),
        label: n > 8 ? String(k) : fill(T.step, { k }),
        color: { light: colors?.light?.[k], dark: colors?.dark?.[k] },
        xs,
        ys,
        bold: k === chosen,
        rank: last ? 0 : k === 0 ? 1 : 2,
        ...more(ys),
      };
    });

  function paint() {
    const step = model.get("step"),
      chosen = Number.isInteger(step) ? Math.min(step, Math.max(S, read) - 1) : null;
    const when = points.map((p) => (option.seconds ? p[1] : p[0])),
      tried = evals.map((e) => e[0]);
    lossChart.set({
      series: series(
        S,
        points,
        when,
        (p) => p[3],
        chosen,
        (ys) => (option.smooth ? { drawn: charts.smoothed(ys, option.smooth), faint: true } : {}),
      ),
      x: {
        label: option.seconds ? T.seconds_of : T.updates,
        whole: !option.seconds,
        least: option.seconds ? 0.1 : 1,
        said: () => fill(T.update, { update: points.at(-1)[0] }),
      },
      y: { log: option.log },
      head: (_, i) => fill(T.loss_head, { update: points[i][0], seconds: number(points[i][1]) }),
      foot: (_, i) => [T.total, number(points[i][2])],
    });
    scoreChart.set({
      series: series(
        read,
        evals,
        tried,
        (e) => (option.cells ? e[1] : e[2]),
        chosen,
        () => ({ dots: evals.length < 80, dash: option.cells ? [5, 4] : null }),
      ),
      x: { label: T.updates, whole: true, said: (x) => fill(T.update, { update: x }) },
      y: { percent: true },
      head: (x, i) =>
        [
          fill(option.cells ? T.cells_head : T.solved_head, { update: x }),
          evals[i]?.[3] && fill(T.puzzles, { puzzles: evals[i][3].toLocaleString("en") }),
        ]
          .filter(Boolean)
          .join(" · "),
    });
    drawTables();
    Object.assign(el.dataset, { draws: ++draws, step: chosen ?? read - 1 });
  }
  const live = charts.live(root, [lossChart, scoreChart], paint);

  function drawTables() {
    if (!option.table) return;
    const named = (n) => Array.from({ length: n }, (_, k) => fill(T.step, { k })),
      names = named(S),
      tried = named(read);
    tables.replaceChildren(
      charts.table(
        T.loss_table,
        [T.update_column, T.seconds_column, T.total, ...names],
        points
          .slice(-10)
          .map((p) => [String(p[0]), number(p[1]), number(p[2]), ...names.map((_, k) => number(at(p[3], k, S)))]),
      ),
      charts.table(
        T.score_table,
        [T.update_column, ...tried],
        evals
          .slice(-10)
          .map((e) => [
            String(e[0]),
            ...tried.map((_, k) => `${percent(at(e[2], k, read))} (${percent(at(e[1], k, read))})`),
          ]),
      ),
    );
  }

  // Points come as "new ones only"; one that was seen already (a message delivered twice) is not taken again.
  const append = (held, fresh) => {
    for (const p of fresh || []) if (!held.length || p[0] > held.at(-1)[0]) held.push(p);
  };
  function take() {
    const message = model.get("message");
    if (!message || message === lastMessage) return;
    lastMessage = message;
    if (message.from === 0 || (message.run != null && message.run !== run)) {
      [points, evals, S, read, colors] = [[], [], 0, 0, null];
      for (const c of [lossChart, scoreChart]) c.leave();
    }
    run = message.run ?? run;
    S = message.steps ?? S;
    read = message.read ?? (read || S);
    colors = message.colors ?? colors;
    append(points, message.points);
    append(evals, message.evals);
    Object.assign(el.dataset, {
      run: run ?? "",
      points: points.length,
      evals: evals.length,
      lastLosses: JSON.stringify(points.at(-1)?.[3] ?? []),
    });
  }

  const onMessage = () => {
    take();
    live.request();
  };
  const listeners = { "change:message": onMessage, "change:step": live.request };
  for (const name in listeners) model.on(name, listeners[name]);
  Object.assign(el.dataset, { points: 0, evals: 0, lastLosses: "[]" });
  take();
  live.now();
  el.dataset.ready = "1";
  return () => {
    for (const name in listeners) model.off?.(name, listeners[name]);
    live.dispose();
  };
}

export default { render };
