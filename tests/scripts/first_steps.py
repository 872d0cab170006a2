"""Train a task by its name and print what happens."""

from trm_explore import train

for event in train("sudoku4", enable_deep_supervision=True, updates=3, eval_puzzles=16):
    print(event)
