"""Watch answers change from step to step, on a held-out puzzle and on one that is typed."""

import numpy as np

from trm_explore import load_checkpoint, record, resolve

model, config = load_checkpoint("addition-linear")
task, config = resolve(config)
typed, remark = task.read("27+5")
for puzzles in (task.held_out(2), typed):
    trajectory = record(model, puzzles, H_cycles=2 * config.eval_steps)
    changed = (np.diff(trajectory.answers, axis=0) != 0).sum(axis=(1, 2))
    sure = None if trajectory.confidence is None else trajectory.confidence.mean(axis=(1, 2))
    print(trajectory, changed.tolist(), sure)
    if trajectory.labels is not None:
        print(task.check(trajectory.inputs, trajectory.answers[-1], trajectory.labels))
