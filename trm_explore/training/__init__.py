"""Training as one stream of events.

    for event in train("sudoku4", enable_deep_supervision=True): ...

loop.py pulls; events.py says what comes; update.py is one optimiser update (plan, forward, backward), losses.py what it
minimises and how steps are weighted; state.py all that the next update depends on; evaluation.py what counts as right;
trajectory.py records an inference; distributed.py several processes. There is no other training loop.
"""

from trm_explore.model.checkpoint import CHECKPOINT_NAME
from trm_explore.training.loop import Stopped, Training, train

__all__ = ["CHECKPOINT_NAME", "Stopped", "Training", "train"]
