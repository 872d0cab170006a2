// A trained model in plain JavaScript: the recursion of model/recursion.py, for whatever web/model_file.py writes.
// Shapes as there: B puzzles, L positions, P of the prefix, D width, V symbols or numbers. Arrays are row-major
// Float32Array; sums are made in float64, so results are within rounding of PyTorch's.
//
//   const network = openNetwork(file);                       // throws a Refusal for what is no model file of ours
//   let state = network.start({ inputs: [tokens], rows, cols });
//   const { state: next, logits, halt } = network.cycle(state);   // one H-cycle
//
// No words here: a Refusal has a `code` and `values`, from which whoever shows it makes a sentence (TEXTS.network).

export const FORMAT = "trm_explore-web-model";
export const VERSION = 1;
const MOST_NUMBERS = 16_000_000; // weights of a model: 64 MB
const MOST_POSITIONS = 4096; // of a board, prefix included

export class Refusal extends Error {
  constructor(code, values = {}) {
    super(`${code} ${JSON.stringify(values)}`);
    this.code = code;
    this.values = values;
  }
}

// The tensors of a file by name: { data, shape }, float32 numbers in a Float64Array. Every number is held to what the file says before it is believed.
function tensorsOf(file) {
  if (file?.format !== FORMAT) throw new Refusal("foreign");
  if (file.version !== VERSION) throw new Refusal("version", { version: String(file.version).slice(0, 20) });
  const { tensors, data } = file;
  if (typeof data !== "string" || !tensors || typeof tensors !== "object") throw new Refusal("cut");
  const sizes = Object.values(tensors).map((shape) =>
    Array.isArray(shape) && shape.every((n) => Number.isInteger(n) && n >= 0) ? shape.reduce((a, b) => a * b, 1) : NaN,
  );
  const numbers = sizes.reduce((a, b) => a + b, 0);
  if (!(numbers > 0)) throw new Refusal("cut");
  if (numbers > MOST_NUMBERS)
    throw new Refusal("large", { weights: numbers.toLocaleString("en"), most: MOST_NUMBERS.toLocaleString("en") });
  let bytes;
  try {
    bytes = atob(data);
  } catch {
    throw new Refusal("cut");
  }
  if (bytes.length !== 4 * numbers) throw new Refusal("cut");
  const view = new DataView(new ArrayBuffer(bytes.length));
  for (let i = 0; i < bytes.length; i++) view.setUint8(i, bytes.charCodeAt(i));
  const all = new Float64Array(numbers);
  for (let i = 0; i < numbers; i++) {
    all[i] = view.getFloat32(4 * i, true);
    if (!Number.isFinite(all[i])) throw new Refusal("cut");
  }
  const found = {};
  let from = 0;
  Object.entries(tensors).forEach(([name, shape], i) => {
    found[name] = { shape, data: all.subarray(from, from + sizes[i]) };
    from += sizes[i];
  });
  return found;
}

// out (n, O) = x (n, I) W^T + bias, W (O, I). Four rows and two outputs at a time: each number that is read is used
// several times. Weights are kept as float64, which saves converting them at each use.
/** @param {{ data: Float64Array, shape: number[] }} matrix */
export function linear(x, n, matrix, bias, out) {
  const {
    data: W,
    shape: [O, I],
  } = matrix;
  let row = 0;
  const pairs = O - (O % 2);
  for (; row + 3 < n; row += 4) {
    const a = row * I,
      b = a + I,
      c = b + I,
      d = c + I;
    for (let o = 0; o < pairs; o += 2) {
      const first = bias ? bias[o] : 0,
        second = bias ? bias[o + 1] : 0,
        w = o * I,
        v = w + I;
      let p = first,
        q = first,
        r = first,
        s = first,
        P = second,
        Q = second,
        R = second,
        S = second;
      for (let i = 0; i < I; i++) {
        const one = W[w + i],
          two = W[v + i],
          xa = x[a + i],
          xb = x[b + i],
          xc = x[c + i],
          xd = x[d + i];
        p += one * xa;
        q += one * xb;
        r += one * xc;
        s += one * xd;
        P += two * xa;
        Q += two * xb;
        R += two * xc;
        S += two * xd;
      }
      const to = row * O + o;
      out[to] = p;
      out[to + 1] = P;
      out[to + O] = q;
      out[to + O + 1] = Q;
      out[to + 2 * O] = r;
      out[to + 2 * O + 1] = R;
      out[to + 3 * O] = s;
      out[to + 3 * O + 1] = S;
    }
    for (let o = pairs; o < O; o++)
      for (let k = row; k < row + 4; k++) {
        let p = bias ? bias[o] : 0;
        for (let i = 0; i < I; i++) p += W[o * I + i] * x[k * I + i];
        out[k * O + o] = p;
      }
  }
  for (; row < n; row++)
    for (let o = 0, w = 0; o < O; o++) {
      let p = bias ? bias[o] : 0;
      for (let i = 0; i < I; i++, w++) p += W[w] * x[row * I + i];
      out[row * O + o] = p;
    }
  return out;
}

// (n, m) at `from` -> (m, n).
function transposed(x, from, n, m, out) {
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[j * n + i] = x[from + i * m + j];
  return out;
}

// Every row of (n, width) divided by its root mean square.
function normalize(x, n, width, eps) {
  for (let row = 0, at = 0; row < n; row++, at += width) {
    let sum = 0;
    for (let i = at; i < at + width; i++) sum += x[i] * x[i];
    const scale = 1 / Math.sqrt(sum / width + eps);
    for (let i = at; i < at + width; i++) x[i] *= scale;
  }
  return x;
}

// down(silu(gate) * up) of (n, I); gate and up are one matrix, gate first.
function swiglu(x, n, gateUp, down) {
  const inner = gateUp.shape[0] / 2,
    both = linear(x, n, gateUp, null, new Float32Array(n * 2 * inner)),
    product = new Float32Array(n * inner);
  for (let row = 0; row < n; row++)
    for (let i = 0; i < inner; i++) {
      const gate = both[row * 2 * inner + i];
      product[row * inner + i] = (gate / (1 + Math.exp(-gate))) * both[row * 2 * inner + inner + i];
    }
  return linear(product, n, down, null, new Float32Array(n * down.shape[0]));
}

// The mixers: (x (B, L, D), B, L, board) -> what is added to x, made once for the weights of a layer.
const makeMixer = {
  attention(weights, config) {
    const { hidden_size: D, num_heads: heads, causal, pos_encodings, rope_theta: theta } = config,
      width = D / heads,
      half = width / 2,
      qkv = weights("mix.qkv_proj.weight", [3 * D, D]),
      project = weights("mix.o_proj.weight", [D, D]);
    const angles = new Map(); // by length
    const rotary = (L) => {
      if (!angles.has(L)) {
        const cos = new Float32Array(L * half),
          sin = new Float32Array(L * half);
        for (let i = 0; i < half; i++) {
          const frequency = Math.fround(Math.fround(theta) ** Math.fround((-2 * i) / width));
          for (let at = 0; at < L; at++) {
            cos[at * half + i] = Math.cos(Math.fround(at * frequency));
            sin[at * half + i] = Math.sin(Math.fround(at * frequency));
          }
        }
        angles.set(L, { cos, sin });
      }
      return angles.get(L);
    };
    return (x, B, L) => {
      const all = linear(x, B * L, qkv, null, new Float32Array(B * L * 3 * D)),
        mixed = new Float32Array(B * L * D),
        scores = new Float64Array(L);
      if (pos_encodings === "rope") {
        const { cos, sin } = rotary(L);
        for (let row = 0; row < B * L; row++)
          for (let part = 0; part < 2 * heads; part++)
            for (let i = 0; i < half; i++) {
              const at = row * 3 * D + part * width + i,
                angle = (row % L) * half + i,
                [a, b] = [all[at], all[at + half]];
              all[at] = a * cos[angle] - b * sin[angle];
              all[at + half] = b * cos[angle] + a * sin[angle];
            }
      }
      for (let puzzle = 0; puzzle < B; puzzle++)
        for (let head = 0; head < heads; head++)
          for (let t = 0; t < L; t++) {
            const query = (puzzle * L + t) * 3 * D + head * width,
              seen = causal ? t + 1 : L;
            let most = -Infinity,
              sum = 0;
            for (let s = 0; s < seen; s++) {
              const key = (puzzle * L + s) * 3 * D + D + head * width;
              let score = 0;
              for (let i = 0; i < width; i++) score += all[query + i] * all[key + i];
              scores[s] = score / Math.sqrt(width);
              if (scores[s] > most) most = scores[s];
            }
            for (let s = 0; s < seen; s++) sum += scores[s] = Math.exp(scores[s] - most);
            const to = (puzzle * L + t) * D + head * width;
            for (let i = 0; i < width; i++) {
              let value = 0;
              for (let s = 0; s < seen; s++)
                value += scores[s] * all[(puzzle * L + s) * 3 * D + 2 * D + head * width + i];
              mixed[to + i] = value / sum;
            }
          }
      return linear(mixed, B * L, project, null, new Float32Array(B * L * D));
    };
  },
  mlp(weights, config, positions) {
    const { hidden_size: D } = config,
      gateUp = weights("mix.mlp_t.gate_up_proj.weight", [null, positions]),
      down = weights("mix.mlp_t.down_proj.weight", [positions, gateUp.shape[0] / 2]);
    return (x, B, L) => {
      const out = new Float32Array(B * L * D),
        turned = new Float32Array(L * D);
      for (let puzzle = 0; puzzle < B; puzzle++) {
        const mixed = swiglu(transposed(x, puzzle * L * D, L, D, turned), D, gateUp, down); // (D, L)
        out.set(transposed(mixed, 0, D, L, new Float32Array(L * D)), puzzle * L * D);
      }
      return out;
    };
  },
  conv(weights, config) {
    const { hidden_size: D } = config,
      kernel = weights("mix.weight", [D, D, 3, 3]).data,
      flat = new Float64Array(9 * D * D); // (D, 9 D): for each output the nine neighbours one after the other
    for (let o = 0; o < D; o++)
      for (let i = 0; i < D; i++) for (let k = 0; k < 9; k++) flat[(o * 9 + k) * D + i] = kernel[(o * D + i) * 9 + k];
    const matrix = { data: flat, shape: [D, 9 * D] };
    return (x, B, L, { rows, cols }) => {
      const patches = new Float32Array(B * L * 9 * D); // zero outside the board
      for (let puzzle = 0; puzzle < B; puzzle++)
        for (let row = 0; row < rows; row++)
          for (let col = 0; col < cols; col++)
            for (let k = 0; k < 9; k++) {
              const [r, c] = [row + Math.floor(k / 3) - 1, col + (k % 3) - 1];
              if (r < 0 || r >= rows || c < 0 || c >= cols) continue;
              const from = (puzzle * L + r * cols + c) * D,
                to = ((puzzle * L + row * cols + col) * 9 + k) * D;
              for (let i = 0; i < D; i++) patches[to + i] = x[from + i];
            }
      return linear(patches, B * L, matrix, null, new Float32Array(B * L * D));
    };
  },
};

// The layers whose names begin with `prefix`, as one function of (B, L, D).
function layersOf(prefix, count, weightsAt, config, positions) {
  const { hidden_size: D, rms_norm_eps: eps } = config;
  const layers = Array.from({ length: count }, (_, index) => {
    const weights = (name, shape) => weightsAt(`${prefix}.layers.${index}.${name}`, shape),
      gateUp = weights("mlp.gate_up_proj.weight", [null, D]);
    return {
      mix: makeMixer[config.mixer](weights, config, positions),
      gateUp,
      down: weights("mlp.down_proj.weight", [D, gateUp.shape[0] / 2]),
    };
  });
  const add = (x, y) => {
    for (let i = 0; i < x.length; i++) x[i] += y[i];
    return x;
  };
  return (input, B, L, board) => {
    const x = input.slice();
    for (const { mix, gateUp, down } of layers) {
      add(x, mix(x, B, L, board));
      if (config.mix_norm === "positions")
        for (let puzzle = 0; puzzle < B; puzzle++) {
          const turned = transposed(x, puzzle * L * D, L, D, new Float32Array(L * D));
          x.set(transposed(normalize(turned, D, L, eps), 0, D, L, new Float32Array(L * D)), puzzle * L * D);
        }
      else normalize(x, B * L, D, eps);
      normalize(add(x, swiglu(x, B * L, gateUp, down)), B * L, D, eps);
    }
    return x;
  };
}

// Whole numbers that a config must have, and their least value.
const WHOLE = {
  hidden_size: 1,
  num_heads: 1,
  H_cycles: 1,
  L_cycles: 1,
  L_layers: 1,
  H_layers: 1,
  vocab_size: 1,
  seq_len: 1,
  puzzle_emb_len: 0,
};

export function openNetwork(file) {
  const tensors = tensorsOf(file),
    config = file.network;
  for (const name in WHOLE)
    if (!Number.isInteger(config?.[name]) || config[name] < WHOLE[name] || config[name] > 100_000)
      throw new Refusal("cut");
  if (!Object.hasOwn(makeMixer, config.mixer)) throw new Refusal("mixer", { mixer: String(config.mixer).slice(0, 40) });
  const weights = (/** @type {string} */ name, /** @type {(number | null)[]} */ shape) => {
    const found = tensors[name];
    if (!found || found.shape.length !== shape.length || shape.some((n, i) => n != null && n !== found.shape[i]))
      throw new Refusal("cut");
    return found;
  };
  const { hidden_size: D, vocab_size: V, puzzle_emb_len: P, input_size: I, H_cycles, L_cycles } = config,
    positions = P + config.seq_len,
    one = config.states === "one";
  const net = layersOf("net", config.L_layers, weights, config, positions),
    netH = config.networks === "two" ? layersOf("net_H", config.H_layers, weights, config, positions) : net,
    head = weights("lm_head.weight", [V, D]),
    haltHead = weights("q_head.weight", [2, D]).data,
    haltBias = weights("q_head.bias", [2]).data,
    H_init = weights("H_init", [D]).data,
    L_init = weights("L_init", [D]).data,
    table = tensors.puzzle_emb ? weights("puzzle_emb", [null, null]) : null,
    places = config.pos_encodings === "learned" ? weights("embed_pos", [positions, D]).data : null,
    tokens = I ? null : weights("embed_tokens", [V, D]).data,
    input = I ? weights("embed_input.weight", [D, I]) : null,
    inputBias = I ? weights("embed_input.bias", [D]).data : null;

  // x (B, P + L, D) of a batch: { inputs: B lists of L tokens or of L x I numbers, vectors: B rows of the table }.
  function embed({ inputs, vectors }, B, L) {
    const scale = I ? 1 : Math.sqrt(D),
      x = new Float32Array(B * (P + L) * D);
    inputs.forEach((puzzle, b) => {
      const from = b * (P + L) * D,
        body = from + P * D;
      if (table) {
        const width = table.shape[1],
          at = (vectors?.[b] ?? 0) * width;
        for (let i = 0; i < width; i++) x[from + i] = scale * table.data[at + i];
      }
      if (input) x.set(linear(Float32Array.from(puzzle), L, input, inputBias, new Float32Array(L * D)), body);
      else
        puzzle.forEach((token, t) => {
          for (let i = 0; i < D; i++) x[body + t * D + i] = scale * tokens[token * D + i];
        });
      if (places) for (let i = 0; i < (P + L) * D; i++) x[from + i] = Math.SQRT1_2 * (x[from + i] + scale * places[i]);
    });
    return x;
  }

  // The states before the first cycle. A Refusal where the puzzles are none that this network can take.
  function start({ inputs, rows, cols, vectors }) {
    const B = inputs.length,
      L = rows * cols,
      length = L * (I ?? 1);
    if (!(L > 0 && P + L <= MOST_POSITIONS && B > 0 && B * L <= 64 * MOST_POSITIONS))
      throw new Refusal("cells", { cells: L, most: MOST_POSITIONS - P });
    if (config.fixed_length && L !== config.seq_len) throw new Refusal("length", { cells: L, wanted: config.seq_len });
    for (const puzzle of inputs) {
      if (puzzle.length !== length) throw new Refusal("length", { cells: puzzle.length, wanted: length });
      const odd = puzzle.find((value) =>
        I ? !Number.isFinite(value) : !(Number.isInteger(value) && value >= 0 && value < V),
      );
      if (odd !== undefined) throw new Refusal("value", { value: String(odd).slice(0, 40), most: V - 1 });
    }
    const states = (init) => {
      const z = new Float32Array(B * (P + L) * D);
      for (let i = 0; i < z.length; i++) z[i] = init[i % D];
      return z;
    };
    const z_L = states(L_init);
    return {
      z_H: one ? z_L : states(H_init),
      z_L,
      x: embed({ inputs, vectors }, B, L),
      B,
      L,
      board: { rows, cols },
      index: 0,
    };
  }

  // What the heads read in z_H: logits (B, L, V), and the halting logit of every puzzle.
  function read({ z_H, B, L }) {
    const body = new Float32Array(B * L * D),
      halt = new Float32Array(B);
    for (let b = 0; b < B; b++) {
      const from = b * (P + L) * D;
      body.set(z_H.subarray(from + P * D, from + (P + L) * D), b * L * D);
      let sum = haltBias[0];
      for (let i = 0; i < D; i++) sum += haltHead[i] * z_H[from + i];
      halt[b] = sum;
    }
    return { logits: linear(body, B * L, head, null, new Float32Array(B * L * V)), halt };
  }

  // One H-cycle: L_cycles updates of z_L, one of z_H. The state that is given is not changed.
  function cycle(state) {
    const { x, B, L, board } = state;
    let { z_H, z_L } = state;
    const sum = new Float32Array(x.length);
    for (let call = 0; call < L_cycles; call++) {
      if (one) for (let i = 0; i < sum.length; i++) sum[i] = z_L[i] + x[i];
      else for (let i = 0; i < sum.length; i++) sum[i] = z_L[i] + z_H[i] + x[i];
      z_L = net(sum, B, P + L, board);
    }
    if (one) z_H = z_L = net(z_L, B, P + L, board);
    else {
      for (let i = 0; i < sum.length; i++) sum[i] = z_H[i] + z_L[i];
      z_H = netH(sum, B, P + L, board);
    }
    const next = { ...state, z_H, z_L, index: state.index + 1 };
    return { state: next, ...read(next) };
  }
  return { config, start, cycle, read, head, H_cycles };
}
