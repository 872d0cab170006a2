"""What the page itself says: its head, the tab Train, the buttons, what can be hidden, the owner's page. (The labels of
settings stand in their rows, view/settings.py.)"""

TITLE = "trm_explore: watch a tiny network think"
HEADLINE = "Watch a tiny network think"
INTRO = "One tiny network reads a puzzle and its own last answer, and answers again. It runs here, in your browser."
HOW_TRAINED = "How was it trained?"
HOW_TRAINED_INTRO = (
    "Each column below is one cycle, and its answer. Deep supervision puts a loss on every one of them. Press Train; "
    "then switch it off, train again, and compare what the early cycles know."
)
TAB_TRAIN, TAB_COMPARE, TAB_INSIDE = "Train", "Compare", "Look inside"
TRAIN, PAUSE, RESUME, ONE, STOP = "Train", "Pause", "Resume", "One update", "Stop"
PAIR_TITLE = "Recorded runs of this task"

PAIRS = {
    "on": "with deep supervision",
    "off": "without, as many updates",
    "off-time": "without, as much time",
}

ADVICE = "Presets of the guide:"
DATA_HELP = "A table with a column question (and answer), one puzzle a line, or grids; stays on this server"
MORE = "More settings: size, cycles, seed, difficulty, your own puzzles"
WHAT_TITLE = "What am I looking at?"
WHAT = """
**The recursion.** The network keeps two states for every cell: a latent `z_L` and an answer `z_H`. In each *H-cycle*
it updates `z_L` a few times (the *L-cycles*, dots), then `z_H` once (the box), and reads an answer off `z_H`. That
answer is a **step**. The same weights are used every time.

**Deep supervision** puts a loss on every step's answer. The **schedule** says how much each counts; the total is
sum(weight x loss) / sum(weights), so only the ratios matter. "Decay" means: going back from the final step.

**Gradient scope** says how far a loss reaches back: `last` (only the final cycle learns, as in the TRM paper),
`one_step` (only that cycle's last L-cycle and its update of `z_H`, as in HRM),
`cycle` (each loss teaches its own cycle), `full` (through all cycles). It is a switch of its own, because otherwise
"on" against "off" would compare two things at once. Left on auto it is `last` without supervision and `full` with it.

**The figures.** Losses are those of the training batches. "Solved" and "cells right" are measured on held-out puzzles
that no training puzzle is a symmetric copy of, with averaged weights. Shown cells include the given ones. Some tasks
are read for more steps than one training pass has: those columns have an answer, and no loss or weight.

**Is supervision always better?** No. On some tasks it wins at equal time, on some it ties or loses. What it buys on
this page's tasks is that the early answers are already usable. And a long gradient without early losses, or early
losses without a long gradient, are other things again: try the combinations of the two switches.
"""
KEEP_TITLE = "Take this run with you: page, table, figures, checkpoint; as a command, as Python"
BRING = "Bring one back: a checkpoint (.safetensors) or a run (.zip)"
BRING_HELP = "It is shown here as if it had just been trained, and can be looked into; it stays on this server."

HIDEABLE = {
    "intro": "headline and introduction",
    "tours": "tours",
    "share": "link buttons",
    "gallery": "gallery of tasks",
    "stage": "stage",
    "tabs": "tabs",
    "compare": "tab Compare",
    "inside": "tab Look inside",
    "buttons": "Train and its neighbours",
    "ribbon": "ribbon",
    "weights": "its row of loss weights",
    "gradient": "its gradient arrow and the sentence on scope",
    "losses": "its row of losses",
    "solved": "its row of what is solved",
    "recorded": "recorded runs and what was measured",
    "curves": "curves",
    "player": "player",
    "more": "More settings",
    "take": "Take this run with you",
    "what": "What am I looking at?",
}

PASSWORD = "Any name will do; the password is the one you were given."
OWNER_TITLE = "trm_explore: who runs what"
OWNER_SUMMARY = (
    "{computing} of {slots} slots compute; {waiting} wait, {paused} paused, {ended} ended; {visitors} visitors with "
    "runs, {viewers} viewers; {memory}, {cpu_seconds} s of CPU in {up_seconds} s."
)

OWNER_HEADS = {
    "run": "run",
    "visitor": "visitor",
    "task": "task",
    "size": "size",
    "state": "state, place",
    "update": "update",
    "computed": "s computed",
    "age": "s since",
}
