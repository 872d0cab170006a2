"""A task of one's own: say every row backwards."""

import numpy as np
import numpy.typing as npt

from trm_explore import evaluate, record, train

Puzzles = dict[str, npt.NDArray[np.int64]]


class Backwards:
    rows, cols, vocab_size = 1, 6, 4

    def sample(self, n: int, rng: np.random.Generator) -> Puzzles:
        rows = rng.integers(4, size=(n, self.cols))
        rows[:, 0] = rng.integers(3, size=n)
        return {"inputs": rows, "labels": rows[:, ::-1]}

    def held_out(self, n: int) -> Puzzles:
        rows = np.random.default_rng(0).integers(4, size=(n, self.cols))
        rows[:, 0] = 3
        return {"inputs": rows, "labels": rows[:, ::-1]}


training = train(Backwards(), enable_deep_supervision=True, updates=3, eval_puzzles=8)
for event in training:
    print(event)
print(evaluate(training.ema_model, training.task, 8).cell_accuracy)
print(record(training.ema_model, training.task.held_out(1)).answers[-1])
