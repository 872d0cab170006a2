"""The weight vectors of all schedules, and the loss that they give."""

import torch

from trm_explore import deep_supervision_loss, supervision_weights
from trm_explore.config import SCHEDULES

step_losses = torch.tensor([1.2, 0.8, 0.5])
for schedule in SCHEDULES:
    custom = [0.3, 0.4, 1.0] if schedule == "custom" else None
    weights = supervision_weights(schedule, 3, base_weight=0.5, custom=custom)
    print(schedule, [round(w, 3) for w in weights.tolist()], deep_supervision_loss(step_losses, weights).item())
