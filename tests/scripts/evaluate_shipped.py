"""How good is a shipped model, step by step, and where does it halt?"""

import numpy as np

from trm_explore import evaluate, evaluate_halting, load_checkpoint, resolve

model, config = load_checkpoint("sudoku4-linear")
scores = evaluate(model, "sudoku4", 32)
best = int(np.argmax(scores.exact_accuracy))
whole, cells = scores.exact_accuracy[best], scores.cell_accuracy[best]
print(f"best after step {best}: {whole:.1%} of whole answers, {cells:.1%} of cells")

task, config = resolve(config)
puzzles = task.held_out(32)
halting = evaluate_halting(model, task, puzzles, H_cycles=config.eval_steps, threshold=0.5)
print(halting.mean_steps, evaluate(model, task, puzzles).loss[-1])
