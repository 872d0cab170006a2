// Answers: what a frame says about one step's answer, in facts and in words, for every kind of board.
// Cells count from 0, row by row; in the plane 0 is the point, then companions.

import { fill, percent } from "./common.js";

export const answers = (() => {
  // kindOf: what is drawn; older frames do not say. isReal: answers are numbers, in `values`.
  const kindOf = (frame) =>
    ["digits", "path", "heat", "plane"].includes(frame.board.kind) ? frame.board.kind : "grid";
  const isReal = (frame) => ["heat", "plane"].includes(kindOf(frame));
  const size = (frame) => frame.board.rows * frame.board.cols;
  const short = (x) =>
    x == null ? TEXTS.answers.no_number : String(Math.abs(x) < 0.005 ? 0 : Number(x.toFixed(2))).replace("-", "−");

  // The network is not asked about unscored cells, whatever it says there: the puzzle's own symbol stands.
  const unasked = (frame, i) =>
    frame.target ? frame.target[i] === -100 : kindOf(frame) !== "grid" && Boolean(frame.given?.[i]);
  const idAt = (frame, k, i) => (unasked(frame, i) ? frame.inputs?.[i] : null) ?? frame.steps[k]?.ids?.[i];
  const roleOf = (frame, id) => frame.board.roles?.[id] || "";
  const nameOf = (frame, id) =>
    roleOf(frame, id) || (id == null ? "" : (frame.board.symbols?.[id] ?? String(id))).trim() || TEXTS.answers.empty;
  const changedAt = (frame, k, i) => k > 0 && !isReal(frame) && idAt(frame, k - 1, i) !== idAt(frame, k, i);
  const parts = (list, frame) => Math.max(1, Math.round((list?.length || 0) / size(frame))); // numbers a cell
  const valueAt = (frame, list, i) => list?.[i * parts(list, frame)] ?? null;
  const pointAt = (list) => (list && Number.isFinite(list[0]) && Number.isFinite(list[1]) ? [list[0], list[1]] : null);
  const placeAt = (frame, k, i) =>
    pointAt(
      i
        ? (k < 0 ? frame.others.inputs : frame.others.steps[k] || [])[i - 1]
        : k < 0
          ? frame.inputs
          : frame.steps[k]?.values,
    );
  const distance = (a, b) => (a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : null);
  const isJudged = (frame, k) =>
    Boolean(frame.steps[k].wrong) &&
    (kindOf(frame) === "grid" || frame.target != null || frame.steps[k].wrong.length > 0);
  const range = (frame) => {
    const [low, high] = frame.board.range || [-1, 1];
    return high > low ? [low, high] : [low, low + 1];
  };
  const count = (frame) => (kindOf(frame) === "plane" ? 1 + (frame.others?.inputs?.length || 0) : size(frame)); // what the cursor can stand on

  // How far a numeric answer moved since the step before: the point's way, or the cells' mean.
  function moved(frame, k) {
    if (kindOf(frame) === "plane") return distance(placeAt(frame, k - 1, 0), placeAt(frame, k, 0));
    if (!k) return null;
    const ways = Array.from({ length: size(frame) }, (_, i) =>
      Math.abs(valueAt(frame, frame.steps[k].values, i) - valueAt(frame, frame.steps[k - 1].values, i)),
    );
    return ways.reduce((sum, way) => sum + way, 0) / ways.length;
  }

  // In words: what changed since the step before, and how right it is. Null where nothing can be said.
  function words(frame, k) {
    const n = isJudged(frame, k) ? frame.steps[k].wrong.length : null,
      wrong = n == null ? null : fill(TEXTS.answers.wrong, { n }),
      verdict = n === 0 ? TEXTS.answers.solved : wrong;
    if (isReal(frame)) {
      const way = moved(frame, k),
        change = way == null ? null : fill(TEXTS.answers.moved, { way: short(way) }),
        off = kindOf(frame) === "plane" ? distance(placeAt(frame, k, 0), pointAt(frame.target)) : null;
      if (off == null) return { wrong: n, state: wrong, verdict, change };
      return {
        wrong: n,
        state: fill(TEXTS.answers.from_target, { off: short(off) }),
        verdict: n === 0 ? TEXTS.answers.on_target : fill(TEXTS.answers.off, { off: short(off) }),
        change,
      };
    }
    let changed = 0;
    for (let i = 0; k && i < size(frame); i++) changed += changedAt(frame, k, i) ? 1 : 0;
    return { wrong: n, state: wrong, verdict, change: k ? fill(TEXTS.answers.changed, { n: changed }) : null };
  }

  function describe(frame, k, i) {
    const T = TEXTS.answers,
      { cols } = frame.board,
      answer = frame.steps[k],
      wrong = answer.wrong?.includes(i);
    if (kindOf(frame) === "plane") {
      const say = (point) => (point ? `(${short(point[0])}, ${short(point[1])})` : T.nowhere),
        was = placeAt(frame, k - 1, i),
        now = placeAt(frame, k, i);
      const aim = i ? null : pointAt(frame.target);
      return [
        fill(i ? T.companion : T.point, { i, now: say(now) }),
        fill(k ? T.at_step : T.as_given, { k: k - 1, was: say(was) }),
        aim && fill(T.aim, { aim: say(aim), off: short(distance(now, aim)) }),
      ]
        .filter(Boolean)
        .join(" · ");
    }
    const where = fill(frame.board.rows === 1 ? T.column : T.cell, {
      row: Math.floor(i / cols) + 1,
      col: (i % cols) + 1,
    });
    if (kindOf(frame) === "heat") {
      const now = valueAt(frame, answer.values, i),
        aim = valueAt(frame, frame.target, i);
      return [
        `${where}: ${short(now)}`,
        k && fill(T.was, { was: short(valueAt(frame, frame.steps[k - 1].values, i)), k: k - 1 }),
        aim != null && fill(T.target, { aim: short(aim) }),
        wrong && T.too_far,
      ]
        .filter(Boolean)
        .join(" · ");
    }
    const said = [`${where}: ${nameOf(frame, idAt(frame, k, i))}`];
    if (frame.given?.[i]) said.push(T.given);
    if (unasked(frame, i)) return [...said, T.not_scored].filter((text, n) => n < 2).join(" · ");
    if (answer.notes?.[i]) said.push(fill(T.carry, { note: answer.notes[i] }));
    if (answer.conf?.[i] != null) said.push(fill(T.confidence, { percent: percent(answer.conf[i]) }));
    if (k)
      said.push(
        changedAt(frame, k, i)
          ? fill(T.was, { was: nameOf(frame, idAt(frame, k - 1, i)), k: k - 1 })
          : fill(T.unchanged, { k: k - 1 }),
      );
    if (wrong) said.push(frame.target ? fill(T.should_be, { name: nameOf(frame, frame.target[i]) }) : T.is_wrong);
    return said.join(" · ");
  }
  return {
    kindOf,
    isReal,
    size,
    short,
    unasked,
    idAt,
    roleOf,
    nameOf,
    changedAt,
    valueAt,
    pointAt,
    placeAt,
    distance,
    isJudged,
    range,
    count,
    words,
    describe,
  };
})();
