// What runs in the worker (or, where a browser has none, beside the page): it opens a model file and thinks puzzles
// through, a cycle at a time, so that a newer question ends an older one. Asked with { id, file } once and with
// { id, puzzle, cycles, edits } for every puzzle; it answers { id, opened }, { id, puzzle }, { id, k, step, others,
// ms } for each step k, or { id, refusal: { code, values } }.

import { openNetwork, Refusal } from "./network.js";
import { puzzleOf, think } from "./thought.js";

function thinker(post) {
  let file = null,
    network = null,
    now = 0; // the id of what was asked last
  const soon = () => new Promise((go) => setTimeout(go));
  const refuse = (id, error) => {
    if (!(error instanceof Refusal)) console.error(error);
    const { code, values } = error instanceof Refusal ? error : { code: "cut", values: {} };
    post({ id, refusal: { code, values } });
  };
  return async (asked) => {
    const { id } = asked;
    now = id;
    try {
      if (asked.file) {
        const opened = openNetwork(asked.file);
        [file, network] = [asked.file, opened];
        post({ id, opened: true });
        return;
      }
      const began = performance.now(),
        puzzle = { ...asked.puzzle, ...puzzleOf(file, asked.puzzle) };
      post({ id, puzzle });
      const steps = think(network, file, puzzle, asked.edits);
      for (let k = 0; k < asked.cycles; k++) {
        post({ id, k, ...steps.next().value, ms: performance.now() - began });
        await soon();
        if (now !== id) return;
      }
    } catch (error) {
      refuse(id, error);
    }
  };
}

if (typeof window === "undefined") {
  const answer = thinker((message) => globalThis.postMessage(message));
  globalThis.onmessage = ({ data }) => answer(data);
} else window.trmThinker = thinker;
