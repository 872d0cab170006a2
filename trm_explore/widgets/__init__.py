"""Panels for notebooks, drawn by the same modules of web/src/ as the page (JupyterLab 4, Colab; ipywidgets 7.7 and 8).

    from trm_explore.widgets import TrainingPanel
    TrainingPanel(task="sudoku4")

Traits are the state: what can be clicked can be read and set from Python. Each has `picture()`, its figure for print,
which is also shown where no widget can be. docs/widgets.md has examples.
"""

from trm_explore.widgets.comparison import Comparison
from trm_explore.widgets.panel import TrainingPanel
from trm_explore.widgets.player import Player
from trm_explore.widgets.weights import Weights

__all__ = ["Comparison", "Player", "TrainingPanel", "Weights"]
