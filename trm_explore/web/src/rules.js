// What is right, by task: the answer to a puzzle that somebody has typed. The same as the tasks in Python say (a test
// holds the two to each other). rules[name] has
//   solve(inputs, board, rule) -> { target, note }: the answer, as labels are (null where there is none, or several are
//     right); note: "" or the name of what is special about this puzzle (the words of stage.js, "notes")
//   wrong(inputs, target, answer, board) -> cells to mark; where it is missing, those that differ from the target
//   annotations(inputs, answer, board) -> small words beside the cells
// Tokens and numbers are those that the network sees. A puzzle that no rule is known of is judged by its label.

const IGNORE = -100;
const MOST_NODES = 60_000; // of a search for a Sudoku's solutions; a hard puzzle with one takes some hundreds

export const differing = (target, answer) =>
  answer.flatMap((token, i) => (target[i] !== token && target[i] !== IGNORE ? [i] : []));

// The units of a Sudoku: lists of cells in which a digit stands once.
function unitsOf({ rows: n, box: [high, wide] }) {
  const across = n / wide,
    range = [...Array(n).keys()];
  return [
    ...range.map((r) => range.map((c) => r * n + c)),
    ...range.map((c) => range.map((r) => r * n + c)),
    ...range.map((b) =>
      range.map((j) => (Math.floor(b / across) * high + Math.floor(j / wide)) * n + (b % across) * wide + (j % wide)),
    ),
  ];
}

// Cells whose digit stands twice in a unit; digits from 1, 0 is empty.
function conflicts(digits, units) {
  const bad = new Set();
  for (const unit of units)
    for (const i of unit) if (digits[i] && unit.some((j) => j !== i && digits[j] === digits[i])) bad.add(i);
  return bad;
}

// At most two solutions of a Sudoku: the cell with the fewest digits left first. null: the search was given up.
function solutionsOf(digits, units, n) {
  const all = (1 << n) - 1,
    of = digits.map((_, i) => units.flatMap((unit, u) => (unit.includes(i) ? [u] : []))),
    used = units.map((unit) => unit.reduce((mask, i) => (digits[i] ? mask | (1 << (digits[i] - 1)) : mask), 0)),
    board = [...digits],
    found = [];
  let nodes = 0;
  const count = (mask) => {
    let bits = 0;
    for (; mask; mask &= mask - 1) bits += 1;
    return bits;
  };
  const search = () => {
    if (++nodes > MOST_NODES) return false;
    let best = -1,
      choices = 0,
      fewest = n + 1;
    board.forEach((digit, i) => {
      if (digit || fewest < 2) return;
      const free = all & ~of[i].reduce((mask, u) => mask | used[u], 0),
        left = count(free);
      if (left < fewest) [best, choices, fewest] = [i, free, left];
    });
    if (best < 0) {
      found.push([...board]);
      return true;
    }
    for (let digit = 1; digit <= n && found.length < 2; digit++) {
      const bit = 1 << (digit - 1);
      if (!(choices & bit)) continue;
      board[best] = digit;
      for (const u of of[best]) used[u] |= bit;
      const goes = search();
      for (const u of of[best]) used[u] &= ~bit;
      board[best] = 0;
      if (!goes) return false;
    }
    return true;
  };
  return conflicts(digits, units).size ? [] : search() ? found : null;
}

const digitsOf = (tokens) => tokens.map((token) => Math.max(token - 1, 0));
const sudoku = {
  solve(inputs, board) {
    const found = solutionsOf(digitsOf(inputs), unitsOf(board), board.rows);
    if (found?.length === 1) return { target: found[0].map((digit) => digit + 1), note: "" };
    return { target: null, note: found ? (found.length ? "several" : "impossible") : "unknown" };
  },
  wrong(inputs, target, answer, board) {
    if (target) return differing(target, answer);
    const [given, digits] = [digitsOf(inputs), digitsOf(answer)],
      bad = conflicts(digits, unitsOf(board));
    digits.forEach((digit, i) => {
      if (!digit || (given[i] && given[i] !== digit)) bad.add(i);
    });
    return [...bad].sort((a, b) => a - b);
  },
};

// Steps from a cell over open ones to every other, -1 where there is no way.
function distances(open, start, { rows, cols }) {
  const far = open.map(() => -1),
    next = [start];
  far[start] = 0;
  for (const i of next) {
    const [r, c] = [Math.floor(i / cols), i % cols];
    for (const [y, x] of [
      [r - 1, c],
      [r, c - 1],
      [r, c + 1],
      [r + 1, c],
    ]) {
      const j = y * cols + x;
      if (y < 0 || y >= rows || x < 0 || x >= cols || !open[j] || far[j] >= 0) continue;
      far[j] = far[i] + 1;
      next.push(j);
    }
  }
  return far;
}
const roles = (board) => Object.fromEntries(board.roles.map((name, token) => [name, token]));

const maze = {
  solve(inputs, board) {
    const { wall, start, goal, open, path } = roles(board),
      [from, to] = [inputs.indexOf(start), inputs.indexOf(goal)],
      free = inputs.map((token) => token !== wall),
      [there, back] = [distances(free, from, board), distances(free, to, board)];
    if (there[to] < 0) return { target: null, note: "impossible" };
    const between = inputs.map((_, i) => there[i] > 0 && back[i] > 0 && there[i] + back[i] === there[to]),
      steps = between.map((on, i) => (on ? there[i] : 0)),
      several = steps.some((step, i) => step && steps.indexOf(step) !== i);
    const target = [...inputs];
    for (let i = to, left = there[to] - 1; left > 0; left--) {
      i = [i - 1, i + 1, i - board.cols, i + board.cols].find(
        (j) => between[j] && there[j] === left && (Math.abs(j - i) !== 1 || sameRow(i, j, board)),
      );
      if (inputs[i] === open) target[i] = path;
    }
    return { target, note: several ? "several" : "" };
  },
  // Any shortest way is right; of another answer what differs from one is marked.
  wrong(inputs, target, answer, board) {
    const { wall, start, goal, open, path } = roles(board),
      marked = answer.map((token) => token === path);
    if (target && answer.every((token, i) => (marked[i] ? open : token) === inputs[i])) {
      const [from, to] = [inputs.indexOf(start), inputs.indexOf(goal)],
        length = marked.filter(Boolean).length + 1,
        over = inputs.map((token, i) => marked[i] || token === start || token === goal),
        free = inputs.map((token) => token !== wall);
      if (distances(free, from, board)[to] === length && distances(over, from, board)[to] === length) return [];
    }
    return differing(target ?? inputs, answer);
  },
};
const sameRow = (i, j, { cols }) => Math.floor(i / cols) === Math.floor(j / cols);

const reach = {
  solve(inputs, board) {
    const { wall, start, open, reached } = roles(board),
      far = distances(
        inputs.map((token) => token !== wall),
        inputs.indexOf(start),
        board,
      );
    return { target: inputs.map((token, i) => (far[i] > 0 && token === open ? reached : token)), note: "" };
  },
};

const FIRST = 2; // the token of the digit 0, where a blank has one
const BLANK = 1;
const rowsOf = (list, { rows, cols }) => Array.from({ length: rows }, (_, r) => list.slice(r * cols, (r + 1) * cols));

const addition = {
  solve(inputs, board) {
    const base = board.symbols.length - FIRST,
      [a, b] = rowsOf(inputs, board),
      target = [...inputs];
    if ([a, b].some((row) => row.some((token, col) => (col ? token < FIRST : token !== 0))))
      return { target: null, note: "impossible" };
    let carry = 0;
    for (let col = board.cols - 1; col >= 0; col--) {
      const sum = (col ? a[col] + b[col] - 2 * FIRST : 0) + carry;
      target[2 * board.cols + col] = (sum % base) + FIRST;
      carry = Math.floor(sum / base);
    }
    return { target, note: "" };
  },
  // A "1" over every column into which, going by the answer's digit there, a carry has come.
  annotations(inputs, answer, board) {
    const base = board.symbols.length - FIRST,
      digit = (token) => Math.max(token - FIRST, 0),
      [a, b] = rowsOf(inputs, board),
      said = rowsOf(answer, board)[2];
    return answer.map((_, i) => {
      const here = i < board.cols && said[i] >= FIRST;
      return here && (said[i] - FIRST - digit(a[i]) - digit(b[i]) + 2 * base) % base === 1 ? "1" : "";
    });
  },
};

const sorting = {
  solve(inputs, board) {
    const [row] = rowsOf(inputs, board);
    if (row.some((token) => token < FIRST)) return { target: null, note: "impossible" };
    return { target: [...row, ...[...row].sort((a, b) => a - b)], note: "" };
  },
};

const parity = {
  solve(inputs) {
    let odd = 0;
    return { target: inputs.map((token) => (odd = (odd + token - BLANK) % 2) + BLANK), note: "" };
  },
};

// The potential of charges on a grid, 0 around it: conjugate gradients on the 5-point matrix, times the task's scale.
const poisson = {
  solve(inputs, { rows, cols }, { scale }) {
    const apply = (u) =>
      u.map((value, i) => {
        const c = i % cols;
        return 4 * value - (u[i - cols] ?? 0) - (u[i + cols] ?? 0) - (c ? u[i - 1] : 0) - (c < cols - 1 ? u[i + 1] : 0);
      });
    const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
    let u = inputs.map(() => 0),
      rest = [...inputs],
      way = [...inputs],
      size = dot(rest, rest);
    for (let turn = 0; size > 1e-20 && turn < 4 * rows * cols; turn++) {
      const moved = apply(way),
        step = size / dot(way, moved);
      u = u.map((value, i) => value + step * way[i]);
      rest = rest.map((value, i) => value - step * moved[i]);
      const next = dot(rest, rest);
      way = rest.map((value, i) => value + (next / size) * way[i]);
      size = next;
    }
    return { target: u.map((value) => value * scale), note: "" };
  },
};

const swirl = {
  solve([x, y], _, { turn }) {
    const angle = turn * Math.max(1 - x * x - y * y, 0) ** 2,
      [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return { target: [x * cos - y * sin, x * sin + y * cos], note: "" };
  },
};

export const rules = { sudoku, maze, reach, addition, sorting, parity, poisson, swirl };
