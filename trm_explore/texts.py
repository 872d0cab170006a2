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

REPORT_TITLE = "A tiny network learns: {task}"
REPORT_SETTINGS = (
    "Deep supervision: {supervision}; gradient scope {scope}; {H} H-cycles of {L} L-cycles; width {width}, {mixer} "
    "mixing; seed {seed}."
)
REPORT_HELD_OUT = "Held-out puzzles ({puzzles}), after update {update}"
REPORT_HEADS = ("step", "loss", "cells right", "solved")
REPORT_AGAIN = "The same run again"

# Links (app/links.py, app/share.py): what is said of what was left out, and the parts that a link can hide.
LINK_LEFT_OUT = "Of this link these were left out, the rest is used: {listed}."
LINK_MORE = "and {count} more"
LINK_UNKNOWN = "no such field"
LINK_ALLOWED = "allowed are {listed}"
LINK_STEP = "give a whole number from 0 to {most}"
LINK_STOP = "give a whole number from 1 to {most}"
LINK_NUMBER = "give a number"
LINK_WEIGHT = "give a number from 0 to 1"
LINK_YES = "give 1 or 0"
LINK_CUSTOM = "custom weights belong to schedule=custom"
LINK_NOT_HERE = "this task has no such setting"
LINK_NO_PART = "no part that can be hidden"
LINK_NO_FILE = "an uploaded file is never part of a link"
LINK_TOO_LONG = "everything, because it is longer than {most} characters"
LINK_BUSY = "Your own run is still going, so its figures stay; stop it to see the recorded ones."
HIDEABLE = {
    "intro": "headline and introduction",
    "tours": "tours",
    "share": "link buttons",
    "gallery": "gallery of tasks",
    "tabs": "tabs",
    "compare": "tab Compare",
    "inside": "tab Look inside",
    "supervision": "Deep supervision",
    "schedule": "Schedule",
    "weight": "Base weight",
    "scope": "Gradient scope",
    "cycles": "H-cycles",
    "buttons": "Train and its neighbours",
    "ribbon": "ribbon",
    "recorded": "recorded runs and what was measured",
    "curves": "curves",
    "player": "player",
    "more": "More settings",
    "take": "Take this run with you",
    "what": "What am I looking at?",
}

# The words of static/, by module.
DRAWING: dict[str, dict[str, str]] = {}

# Look inside: one model, one puzzle.
INSIDE_INTRO = (
    "One trained model, one puzzle. Let it think longer than it was trained to, change the puzzle or its running "
    "answer, and see what happens in its states."
)
INSIDE_MODEL, INSIDE_NUMBER, INSIDE_CYCLES = "Model", "Held-out puzzle", "Cycles at inference"
INSIDE_SOURCES = {**PAIRS, "run": "my own run"}
INSIDE_CYCLES_INFO = "trained with {trained}; up to {most} here"
INSIDE_NUMBER_INFO = "0 to {most}; never seen in training"
INSIDE_THINKING = "### Thinking longer\nThe same weights can be applied more often than in training. Does that help?"
INSIDE_INTERVENE = (
    "### Intervene\nChoose a step and a cell in the answer above, and say what stands there from then on; or disturb a "
    "state. Does the model find back?"
)
INSIDE_STATES = "### Inside\nWhere the states go, what moves what, and how far each loss reaches."
INSIDE_COST = "### What supervision costs\nOf the settings in the Train tab, against the same without supervision."
INSIDE_MEASURE = "Measure it here"
INSIDE_MEASURING = "Measuring on this machine…"
OWN_PUZZLE, HELD_OUT_PUZZLE = "your own puzzle", "held-out puzzle {number}"
WITH_EDITS = "{label}, with your changes"
NO_RUN = "There is no run of yours with weights yet; press Train in the first tab, wait for an update, come back."
OTHER_TASK = "Your run learns {run}, the task chosen above is {task}; choose {run} above, or a recorded model."
NO_PAIR = "There is no recorded model of the task {task}; train one in the first tab and choose your own run."
BAD_SOURCE = "model={source!r} is not known; allowed are {allowed}"
BAD_CYCLES = "cycles={cycles} is not possible here; give a whole number from 1 to {most}"
SLOW_MODEL = "This model needs about {seconds:.0f} s for {cycles} cycles here; at most {most:.0f} s are allowed."
BAD_EDITS = "The changes sent are none that this page makes; reload it."
MANY_EDITS = "There are {count} changes; at most {most} are allowed, take one back."
BAD_CELLS = "A cell holds what is no symbol of this task; symbols are numbered from 0 to {most}."
BAD_SHAPE = "The puzzle has {cells} cells, which make no board of {rows} x {cols}."
NO_PUZZLE = "There is no puzzle in this text; write one a line, or a CSV with the column question."
LONG_PUZZLE = "The puzzle is no text of at most {longest:,} characters; paste a single puzzle."
LARGE_PUZZLE = "The puzzle has {cells} cells; at most {most} are allowed on this page."
BAD_NUMBER = "Held-out puzzle {number} is not there; give a whole number from 0 to {most}."
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
COST_SAID = (
    "Estimated for one update: **{ratio:.2f} times** the operations and **{memory:.2f} times** the memory of the same "
    "settings without supervision ({with_memory} against {without_memory}; {weights:,} weights). The weights are the "
    "same, and so is the cost of an answer."
)
COST_SAME = "Supervision is off in the Train tab: switch it on there to see what it would cost."

DRAWING["editor"] = {
    "title": "The puzzle",
    "own": "your own",
    "held": "held out: never seen in training; change it as you like",
    "board": "The puzzle; arrow keys move, digits and letters write",
    "pad": "What to write into the chosen cell",
    "put": "Write {name}",
    "erase": "Empty the cell",
    "blank": "empty",
    "cell": "Row {row}, column {col}: {name}",
    "bad": ", breaks a rule",
    "clash": "{symbol} stands twice in {kind} {number}: the rules allow it once.",
    "units": "row column box",
    "line": "Paste or type a puzzle",
    "use": "Use",
    "file": "Open a file",
    "clear": "Clear",
    "back": "Back to the held-out puzzle",
    "none": "This task takes no puzzles of your own: choose another held-out one.",
    "help_board": "Click a cell and type, or use the buttons; arrow keys move. A solution is not needed.",
    "help_row": "Click a digit and type; the row goes on by itself.",
    "help_path": "A click turns a wall into an open cell and back; the buttons move start and goal to the chosen cell.",
}
