"""Every word of the page and of its drawings, in one place: a translation is another copy of this file.

DRAWING holds the words of the modules in static/, by module; there they are TEXTS.<module>.<name>, and `fill` in
common.js puts values where {names} stand.
"""

TITLE = "trm_explore: watch a tiny network think"
HEADLINE = "Watch a tiny network think"
INTRO = (
    "One small network is applied again and again: each column below is one pass, and its answer. "
    "Deep supervision gives every pass a lesson of its own. Press Train; then switch it off, train again, and "
    "compare what the early passes know."
)
TAB_TRAIN, TAB_COMPARE, TAB_INSIDE = "Train", "Compare", "Look inside"
RECORDED = (
    "Recorded earlier, {kind}: {updates} updates in {seconds:.0f} s of one core. Press Train for a run of your own."
)
NOTHING_RECORDED = "No recorded run of this task: press Train."
PAIR_TITLE = "Recorded runs of this task"
PAIRS = {
    "on": "with deep supervision",
    "off": "without, as many updates",
    "off-time": "without, as much time",
}

LABELS = {
    "task": "Task",
    "preset": "Size",
    "enable_deep_supervision": "Deep supervision",
    "deep_supervision_schedule": "Schedule",
    "deep_supervision_weight": "Base weight",
    "custom_weights": "Custom weights",
    "gradient_scope": "Gradient scope",
    "H_cycles": "H-cycles",
    "L_cycles": "L-cycles",
    "updates": "Updates",
    "seed": "Seed",
    "difficulty": "Difficulty",
    "data": "Own puzzles",
    "adaptive_weights": "Adaptive weights",
    "curriculum": "Curriculum",
    "L_supervision_weight": "L-cycle supervision",
    "activation_checkpointing": "Checkpointing",
}
INFO = {
    "enable_deep_supervision": "a loss at every step",
    "deep_supervision_schedule": "how losses are weighted",
    "deep_supervision_weight": "early losses",
    "custom_weights": "one number a step, such as 0.3 0.4 1",
    "gradient_scope": "how far a loss reaches back",
    "H_cycles": "steps",
    "L_cycles": "updates of z_L in each",
    "updates": "optimiser updates in all",
    "seed": "same seed, same run",
    "difficulty": "fewer givens are harder",
    "preset": "paper: 7 million weights, for a GPU",
    "task": "what is to be solved",
    "adaptive_weights": "follow the losses: steps that lag, or that stall",
    "curriculum": "what grows in the run's first half",
    "L_supervision_weight": "weight of a loss on z_L after every L-cycle",
    "activation_checkpointing": "keep less, compute again: memory for time",
}
ADVICE = "Presets of the guide:"
DATA_HELP = "CSV with the columns question and answer, or one puzzle a line; stays on this server"
SCHEDULES = {
    "constant": "constant",
    "linear_decay": "linear decay",
    "exponential_decay": "exponential decay",
    "u_shaped": "U-shaped",
    "front_loaded": "front-loaded",
    "custom": "custom",
}
TRAIN, PAUSE, RESUME, ONE, STOP = "Train", "Pause", "Resume", "One update", "Stop"
MORE = "More settings: size, cycles, seed, difficulty, your own puzzles"
TAKE = "Take this run with you: as a command, as Python"
WHAT_TITLE = "What am I looking at?"
WHAT = """
**The recursion.** The network keeps two states for every cell: a latent `z_L` and an answer `z_H`. In each *H-cycle*
it updates `z_L` a few times (the *L-cycles*, dots), then `z_H` once (the box), and reads an answer off `z_H`. That
answer is a **step**. The same weights are used every time.

**Deep supervision** puts a loss on every step's answer. The **schedule** says how much each counts; the total is
sum(weight x loss) / sum(weights), so only the ratios matter. "Decay" means: going back from the final step.

**Gradient scope** says how far a loss reaches back: `last` (only the final cycle learns, as in the TRM paper),
`cycle` (each loss teaches its own cycle), `full` (through all cycles). It is a switch of its own, because otherwise
"on" against "off" would compare two things at once. Left on auto it is `last` without supervision and `full` with it.

**The figures.** Losses are those of the training batches. "Solved" and "cells right" are measured on held-out puzzles
that no training puzzle is a symmetric copy of, with averaged weights. Shown cells include the given ones.

**Is supervision always better?** No. On some tasks it wins at equal time, on some it ties or loses. What it buys on
this page's tasks is that the early answers are already usable. And a long gradient without early losses, or early
losses without a long gradient, are other things again: try the combinations of the two switches.
"""
TOO_SLOW = (
    "about {seconds:.0f} s for each of {updates} updates here ({parameters:,} weights, {device}): too slow for "
    "this page, which takes at most {limit:.0f} s an update; choose a smaller size or fewer cycles, or train it where "
    "there is a GPU"
)
BAD_WEIGHTS = "custom_weights={text} is not a list of numbers; give one number a step, such as 0.3 0.4 1"

# The words of static/, by module.
DRAWING: dict[str, dict[str, str]] = {}
