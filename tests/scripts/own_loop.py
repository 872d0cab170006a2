"""Follow the losses of a run, stop it early, keep the weights."""

from pathlib import Path

from trm_explore import RunConfig, SupervisionConfig, preset, train
from trm_explore.training.events import Evaluated, UpdateDone

config = preset("addition", updates=4, eval_puzzles=16, deep_supervision_schedule="linear_decay")
same = RunConfig(task="addition", supervision=SupervisionConfig(enable_deep_supervision=True))
assert same.task == config.task

losses: list[float] = []
final = 0.0
training = train(config, frame_every=0, eval_every=2)
for event in training:
    if isinstance(event, UpdateDone):
        losses.append(event.step_losses[-1])
    elif isinstance(event, Evaluated):
        final = max(event.exact_accuracy)
    if len(losses) == 3:
        training.stop()
saved: Path = training.save("model.safetensors")
print(losses, final, saved)
