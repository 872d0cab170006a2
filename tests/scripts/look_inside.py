"""Let a model think longer, disturb it, and see what moves what."""

from trm_explore import load_checkpoint, resolve
from trm_explore.analysis import SetCell, accuracy_by_cycle, halting_by_puzzle, intervene, latent_paths, recovered
from trm_explore.analysis.influence import influence

model, config = load_checkpoint("sudoku4-linear")
task, config = resolve(config)
puzzle = task.held_out(1)
print(accuracy_by_cycle(model, task, puzzles=16, H_cycles=6).text)
print(halting_by_puzzle(model, task, puzzles=16).counts)
before, after = intervene(model, puzzle, [SetCell(after_step=1, position=3, token=2)], H_cycles=4)
print(recovered(before, after).text)
print(latent_paths(model, task, puzzle, others=8).explained)
print(influence(model, puzzle, positions=[3]).matrix.shape)
