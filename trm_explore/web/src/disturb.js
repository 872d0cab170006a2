// Changes of a running answer, as analysis/intervention.py makes them: a cell of it set, or noise in a state. With the
// same seed the noise is PyTorch's own, so that page and server tell the same story.

import { Refusal } from "./network.js";

const LEAD = 1; // logits by which a set symbol leads every other
const TURNS = 20_000; // of the search for the smallest move

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

// The state with z_H moved as little as makes the head read `token` at a position: a symbol, or the V numbers.
export function setCell(network, state, position, token, puzzle = 0) {
  const { hidden_size: D, vocab_size: V, puzzle_emb_len: P, input_size } = network.config,
    from = (puzzle * (P + state.L) + P + position) * D,
    z = Array.from(state.z_H.subarray(from, from + D)),
    rows = Array.from({ length: V }, (_, v) => Array.from(network.head.data.subarray(v * D, (v + 1) * D)));
  const moved = input_size ? readingNumbers(z, rows, token) : readingSymbol(z, rows, token);
  const z_H = state.z_H.slice();
  z_H.set(moved, from);
  return replaced(network, state, "z_H", z_H);
}

// With one state both names are the same.
function replaced(network, state, name, value) {
  return network.config.states === "one" ? { ...state, z_H: value, z_L: value } : { ...state, [name]: value };
}

// The nearest state in which `token` leads by LEAD (Hildreth's method), brought back to z's length.
function readingSymbol(z, rows, token) {
  const against = rows.filter((_, v) => v !== token).map((row) => row.map((value, i) => rows[token][i] - value)),
    products = against.map((a) => against.map((b) => dot(a, b))),
    square = products.map((row, i) => Math.max(row[i], 1e-12)),
    wanted = against.map((a) => LEAD - dot(a, z)),
    factors = against.map(() => 0),
    gained = against.map(() => 0); // products x factors
  for (let turn = 0; turn < TURNS; turn++) {
    let best = -1,
      most = 0;
    factors.forEach((factor, i) => {
      const change = Math.max(factor + (wanted[i] - gained[i]) / square[i], 0) - factor,
        size = Math.abs(change) * Math.sqrt(square[i]);
      if (best < 0 || size > most) [best, most] = [i, size];
    });
    if (best < 0) break;
    const change = Math.max(factors[best] + (wanted[best] - gained[best]) / square[best], 0) - factors[best];
    if (Math.abs(change) * square[best] < 1e-4 * LEAD) break;
    factors[best] += change;
    products.forEach((row, i) => {
      gained[i] += change * row[best];
    });
  }
  const moved = z.map((value, i) => value + against.reduce((sum, a, v) => sum + factors[v] * a[i], 0));
  if (against.some((a) => dot(a, moved) < LEAD / 2)) throw new Refusal("unreachable", { token });
  const scale = Math.sqrt(dot(z, z) / dot(moved, moved));
  return moved.map((value) => value * scale);
}

// The state nearest to z that the head reads as `numbers` (V,), by least squares; of z's length where one is.
function readingNumbers(z, rows, numbers) {
  const read = rows.map((row) => dot(row, z)),
    inverse = pseudoInverse(rows), // (V, D): its row v is what adds 1 to number v
    combine = (factors) => z.map((_, i) => factors.reduce((sum, factor, v) => sum + factor * inverse[v][i], 0)),
    part = combine(numbers),
    seen = combine(read),
    rest = z.map((value, i) => value - seen[i]),
    left = dot(z, z) - dot(part, part),
    scale = left > 0 && dot(rest, rest) > 0 ? Math.sqrt(left / dot(rest, rest)) : 1;
  return part.map((value, i) => value + scale * rest[i]);
}

// (R R^T)^-1 R of rows (V, D), V small, by elimination.
function pseudoInverse(rows) {
  const V = rows.length,
    work = rows.map((row, v) => [...rows.map((other) => dot(row, other)), ...rows.map((_, u) => (u === v ? 1 : 0))]);
  for (let c = 0; c < V; c++) {
    const pivot = work
      .slice(c)
      .reduce((best, row, i) => (Math.abs(row[c]) > Math.abs(work[best][c]) ? c + i : best), c);
    [work[c], work[pivot]] = [work[pivot], work[c]];
    const divisor = work[c][c] || 1e-12;
    work[c] = work[c].map((value) => value / divisor);
    work.forEach((row, r) => {
      if (r !== c) work[r] = row.map((value, i) => value - row[c] * work[c][i]);
    });
  }
  return work.map((row) =>
    rows[0].map((_, i) => row.slice(V).reduce((sum, factor, v) => sum + factor * rows[v][i], 0)),
  );
}

// The state with normal noise in z_H or z_L, `scale` times the state's root mean square, puzzle by puzzle.
export function addNoise(network, state, { name = "z_H", scale = 1, seed = 0 } = {}) {
  const before = state[name],
    length = before.length / state.B,
    noise = normal(before.length, seed),
    after = new Float32Array(before.length);
  for (let b = 0; b < state.B; b++) {
    let sum = 0;
    for (let i = b * length; i < (b + 1) * length; i++) sum += before[i] * before[i];
    const size = scale * Math.sqrt(sum / length);
    for (let i = b * length; i < (b + 1) * length; i++) after[i] = before[i] + size * noise[i];
  }
  return replaced(network, state, name, after);
}

// What torch.randn gives on the CPU for a generator with this seed, n >= 16: MT19937, 24 bits a uniform number, and
// Box-Muller in blocks of 16, the last one drawn anew where n is no multiple of 16.
export function normal(n, seed) {
  const next = mersenne(seed),
    uniform = () => (next() & 0xffffff) / 0x1000000,
    values = Float32Array.from({ length: Math.max(n, 16) }, uniform);
  const block = (at) => {
    for (let i = at; i < at + 8; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - values[i])),
        angle = 2 * Math.PI * values[i + 8];
      values[i] = radius * Math.cos(angle);
      values[i + 8] = radius * Math.sin(angle);
    }
  };
  for (let at = 0; at + 16 <= values.length; at += 16) block(at);
  if (values.length % 16) {
    const at = values.length - 16;
    for (let i = at; i < values.length; i++) values[i] = uniform();
    block(at);
  }
  return values.subarray(0, n);
}

// MT19937 (Matsumoto and Nishimura 1998): whole numbers of 32 bits.
function mersenne(seed) {
  const N = 624,
    state = new Uint32Array(N);
  state[0] = seed >>> 0;
  for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let at = N;
  return () => {
    if (at === N) {
      for (let i = 0; i < N; i++) {
        const mixed = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
        state[i] = state[(i + 397) % N] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let y = state[at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}
