// One puzzle thought through by a network of network.js, step by step, as the frames that boards.js draws: what
// training/trajectory.py's record and frame_of make in Python. `file` is a model file (web/model_file.py).
//
//   const thought = think(network, file, puzzle, edits);    // an iterator
//   thought.next().value                                    // { step, halt, ... } of a frame, one H-cycle each
//
// puzzle: { inputs, rows, cols, target, note, vector } of puzzleOf. edits, applied after a step (from 0):
// { kind: "cell", step, cell, token } or { kind: "noise", step, state, scale, seed }.

import { differing, rules } from "./rules.js";
import { addNoise, setCell } from "./disturb.js";

const short = (value) => (Number.isFinite(value) ? Math.round(1000 * value) / 1000 : null);

// A puzzle with what is right, as far as that can be known: by the task's rule, else by the label that is given.
export function puzzleOf(file, { inputs, rows, cols, target = null, vector = 0 }) {
  const { task } = file,
    rule = task.rule && rules[task.rule.name],
    board = { ...task.board, rows, cols };
  const solved = rule ? rule.solve(inputs, board, task.rule) : { target, note: target ? "" : "unknown" };
  return { inputs, rows, cols, vector, ...solved };
}

// The frame without its steps.
export function frameOf(file, puzzle, label = "") {
  const { task } = file,
    { inputs, rows, cols, target, given } = puzzle,
    real = task.loss === "mse";
  return {
    update: null,
    label,
    board: { ...task.board, rows, cols },
    inputs: real ? inputs.map(short) : inputs,
    given: given ?? (real ? Array(rows * cols).fill(0) : inputs.map((token) => (task.given[token] ? 1 : 0))),
    target: real ? (target?.map(short) ?? null) : target,
    steps: [],
    ...(task.board.kind === "plane" ? { others: { inputs: task.companions, steps: [] } } : {}),
  };
}

// Probabilities of V logits at `from`, as the model's own loss reads them.
function probabilities(logits, from, V, kind) {
  const found = new Float64Array(V);
  let most = -Infinity,
    sum = 0;
  for (let v = 0; v < V; v++) most = Math.max(most, logits[from + v]);
  for (let v = 0; v < V; v++) {
    const x = logits[from + v];
    found[v] = kind === "stablemax" ? (x < 0 ? 1 / (1 - x) : x + 1) : Math.exp(x - most);
    sum += found[v];
  }
  return found.map((value) => value / sum);
}

function stepOf(file, puzzle, logits, halt, change) {
  const { task, network } = file,
    { inputs, target, rows, cols } = puzzle,
    V = network.vocab_size,
    L = rows * cols,
    board = { ...task.board, rows, cols },
    said = { halt: 1 / (1 + Math.exp(-halt)), change };
  if (task.loss === "mse") {
    const values = Array.from(logits.subarray(0, L * V)),
      errors = Array.from({ length: L }, (_, i) =>
        target
          ? values.slice(i * V, (i + 1) * V).reduce((sum, x, v) => sum + (x - target[i * V + v]) ** 2, 0) / V
          : NaN,
      ),
      loss = errors.reduce((a, b) => a + b, 0) / L;
    const wrong = loss <= task.tolerance ? [] : errors.flatMap((error, i) => (error > task.tolerance ? [i] : []));
    return { ...said, values: values.map(short), wrong: target ? wrong : null, loss: target ? loss : null };
  }
  const ids = [],
    conf = [];
  let sum = 0,
    scored = 0;
  for (let i = 0; i < L; i++) {
    const p = probabilities(logits, i * V, V, task.probabilities);
    let best = 0;
    for (let v = 1; v < V; v++) if (logits[i * V + v] > logits[i * V + best]) best = v;
    ids.push(best);
    conf.push(Number(p[best].toFixed(2)));
    if (target && target[i] >= 0) {
      sum -= Math.log(p[target[i]]);
      scored += 1;
    }
  }
  const rule = task.rule && rules[task.rule.name],
    notes = rule?.annotations?.(inputs, ids, board);
  const wrong = rule?.wrong ? rule.wrong(inputs, target, ids, board) : target && differing(target, ids);
  return { ...said, ids, conf, wrong, loss: scored ? sum / scored : null, ...(notes ? { notes } : {}) };
}

// How far the first puzzle's state moved, in units of its own size.
function moved(before, after, length) {
  let way = 0,
    size = 0;
  for (let i = 0; i < length; i++) {
    way += (after[i] - before[i]) ** 2;
    size += before[i] ** 2;
  }
  return Math.sqrt(way) / Math.max(Math.sqrt(size), 1e-12);
}

export function* think(network, file, puzzle, edits = []) {
  const { rows, cols, vector } = puzzle,
    beside = file.task.board.kind === "plane" ? file.task.companions : [],
    inputs = [puzzle.inputs, ...beside],
    V = network.config.vocab_size;
  let state = network.start({ inputs, rows, cols, vectors: inputs.map(() => vector) });
  for (;;) {
    const before = state.z_H,
      step = state.index;
    let found = network.cycle(state);
    for (const edit of edits.filter((one) => one.step === step)) {
      const { state: at } = found,
        changed =
          edit.kind === "cell"
            ? setCell(network, at, edit.cell, edit.token)
            : addNoise(network, at, { name: edit.state, scale: edit.scale, seed: edit.seed });
      found = { state: changed, ...network.read(changed) };
    }
    state = found.state;
    const said = stepOf(file, puzzle, found.logits, found.halt[0], moved(before, state.z_H, before.length / state.B));
    const others = beside.map((_, i) => Array.from(found.logits.subarray((i + 1) * V, (i + 2) * V), short));
    yield beside.length ? { step: said, others } : { step: said };
  }
}
