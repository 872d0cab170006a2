"""What runs and models mean: a run's diagnosis, longer thought and halting, interventions, views of the inside, cost
measured."""

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
