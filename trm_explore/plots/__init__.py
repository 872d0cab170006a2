"""Every figure of the page for print: events, a trajectory or a config -> a matplotlib Figure. Pure functions.

    from trm_explore.plots import save, step_losses
    save(step_losses(list(train(config)), log=True, width=3.3), "losses.pdf")

Each makes a new figure of `width` inches, or draws into the axes that it is given. No pyplot, nothing is shown, no
setting of matplotlib is left changed. docs/plots.md has one line of code for each. Layout and signs are ours.
"""

from trm_explore.plots.compare import comparison, cost_bars
from trm_explore.plots.curves import accuracy, accuracy_by_cycle, step_losses, weight_vectors
from trm_explore.plots.inside import attention_map, gradient_by_step, latent_paths, state_change
from trm_explore.plots.paper import save
from trm_explore.plots.refinement import refinement
from trm_explore.plots.ribbon import ribbon

__all__ = [
    "accuracy",
    "accuracy_by_cycle",
    "attention_map",
    "comparison",
    "cost_bars",
    "gradient_by_step",
    "latent_paths",
    "refinement",
    "ribbon",
    "save",
    "state_change",
    "step_losses",
    "weight_vectors",
]
