"""Keep a run in a folder, ask what stands out, go on with it, load its model."""

from typing import Any

from trm_explore import diagnose, load_checkpoint, train
from trm_explore.training.run_folder import keep

settings: dict[str, Any] = {"eval_puzzles": 16, "frame_every": 0, "seed": 3}
for event in keep(train("parity", out="runs/first", updates=2, **settings), "runs/first"):
    print(event)
for finding in diagnose("runs/first"):
    print(finding.text)

longer = train("parity", resume="runs/first", updates=4, **settings)
print([type(event).__name__ for event in longer])
model, config = load_checkpoint("runs/first")
print(model, config.train.updates)
