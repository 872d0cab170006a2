"""What runs and models mean, measured and said in words. Touch: one file a question.

diagnosis.py: what a run's losses, scores and gradients tell, and what to try; seeds.py: is a difference larger than the
noise between seeds? thinking.py: more cycles than trained, and when to halt; intervention.py: change a state or a cell
and see whether the answer recovers; latent.py: paths of the states; influence.py: which cell moves which;
cost_measured.py: time and memory against supervision off. view.py makes them into what the page draws.
"""

from trm_explore.analysis.cost_measured import measure_cost
from trm_explore.analysis.diagnosis import Finding, diagnose
from trm_explore.analysis.influence import attention_maps, influence
from trm_explore.analysis.intervention import Noise, SetCell, intervene, recovered
from trm_explore.analysis.latent import latent_paths, state_change
from trm_explore.analysis.thinking import accuracy_by_cycle, halting_by_puzzle

__all__ = [
    "Finding",
    "Noise",
    "SetCell",
    "accuracy_by_cycle",
    "attention_maps",
    "diagnose",
    "halting_by_puzzle",
    "influence",
    "intervene",
    "latent_paths",
    "measure_cost",
    "recovered",
    "state_change",
]
