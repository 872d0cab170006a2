"""The tiny network and how it is applied again and again.

    model = RecursiveModel(ModelConfig(vocab_size=6, seq_len=16))
    for cycle in model.cycles(model.initial_carry(batch), batch): ...      # one Cycle after every H-cycle

recursion.py has the one loop; network.py the layers and mixers; carry.py the state between calls; puzzle_embedding.py
the vectors of puzzles; cost.py what a config will cost; checkpoint.py the file;
cancel.py ends a computation in the middle. Nothing here knows of training.
"""

from trm_explore.model.carry import Batch, Carry, Cycle
from trm_explore.model.recursion import RecursiveModel

__all__ = ["Batch", "Carry", "Cycle", "RecursiveModel"]
