"""What the tab Look inside says: one model, one puzzle."""

from trm_explore.words.page_controls import PAIRS

INTRO = (
    "One trained model, one puzzle. Let it think longer than it was trained to, change the puzzle or its running "
    "answer, and see what happens in its states."
)
MODEL, NUMBER, CYCLES = "Model", "Held-out puzzle", "Cycles at inference"
SOURCES = {**PAIRS, "run": "my own run"}
CYCLES_INFO = "trained with {trained}; up to {most} here"
NUMBER_INFO = "0 to {most}; never seen in training"
THINKING = "### Thinking longer\nThe same weights can be applied more often than in training. Does that help?"
INTERVENE = (
    "### Intervene\nChoose a step and a cell in the answer above, and say what stands there from then on; or disturb a "
    "state. Does the model find back?"
)
STATES = "### Inside\nWhere the states go, what moves what, and how far each loss reaches."
COST = "### What supervision costs\nOf the settings in the Train tab, against the same without supervision."
MEASURE = "Measure it here"
MEASURING = "Measuring on this machine…"
OWN_PUZZLE, HELD_OUT_PUZZLE = "your own puzzle", "held-out puzzle {number}"
WITH_EDITS = "{label}, with your changes"

HALTS = {
    "stopped right": "It would stop after step {stop}: the answer is right there.",
    "stopped too early": "It would stop after step {stop}, too early: the answer is right only from step {first} on.",
    "stopped wrong": "It would stop after step {stop}, with a wrong answer that does not become right later.",
    "never stopped, though right": "It would never stop, though the answer is right from step {first} on.",
    "never stopped, never right": "It would never stop, rightly: no answer is right.",
    "stops": "It would stop after step {stop}; nobody knows the solution, so nobody says whether it should.",
    "goes on": "It would never stop; nobody knows the solution, so nobody says whether it should.",
}

HALT_NOTE = " This model's halting head was taught at the last cycle only."
COST_ESTIMATED = (
    "Estimated for one update: **{ratio:.2f} times** the operations and **{memory:.2f} times** the memory of the same "
    "settings without supervision ({with_memory} against {without_memory}; {weights:,} weights). The weights are the "
    "same, and so is the cost of an answer."
)
COST_SAME = "Supervision is off in the Train tab: switch it on there to see what it would cost."
