"""Every word of the page and of its drawings, in one place: a translation is another copy of this file. (The labels of
settings stand in their rows, view/settings.py.)

DRAWING holds the words of the modules in web/src/, by module; there they are TEXTS.<module>.<name>, and `fill` in
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
RECORDED_ON = " Its final figures are of {puzzles:,} held-out puzzles, those during training of {during}."
NOTHING_RECORDED = "No recorded run of this task: press Train."
PAIR_TITLE = "Recorded runs of this task"
PAIRS = {
    "on": "with deep supervision",
    "off": "without, as many updates",
    "off-time": "without, as much time",
}

ADVICE = "Presets of the guide:"
WAITS = "Waiting for a free core: place {place} in line, about {wait}."
DATA_HELP = "A table with a column question (and answer), one puzzle a line, or grids; stays on this server"
TRAIN, PAUSE, RESUME, ONE, STOP = "Train", "Pause", "Resume", "One update", "Stop"
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
TOO_SLOW = (
    "about {seconds:.0f} s for each of {updates} updates here ({parameters:,} weights, {device}): too slow for "
    "this page, which takes at most {limit:.0f} s an update; choose a smaller size or fewer cycles, or train it where "
    "there is a GPU"
)
BAD_WEIGHTS = "custom_weights={text} is not a list of numbers; give one number a step, such as 0.3 0.4 1"

PASSWORD = "Any name will do; the password is the one you were given."
OWNER_TITLE = "trm_explore: who runs what"
OWNER_KEY = "This page is the owner's: its address with the key was printed when the server started."
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

LOG_IN = "This page has a password: open the page itself first and give it there."
NOTHING_KEPT = "There is no such file: the run is gone, or the name is wrong. Names are {allowed}."
KEPT_RECORDED = "Recorded earlier, {kind}: {updates} updates in {seconds:.0f} s of one core."
REPORT_TITLE = "A tiny network learns: {task}"
REPORT_SETTINGS = (
    "Deep supervision: {supervision}; gradient scope {scope}; {H} H-cycles of {L} L-cycles; width {width}, {mixer} "
    "mixing; seed {seed}."
)
REPORT_HELD_OUT = "Held-out puzzles ({puzzles}), after update {update}"
REPORT_HEADS = ("step", "loss", "cells right", "solved")
REPORT_AGAIN = "The same run again"

# Links (app/links.py, app/share.py): what is said of what was left out, and the parts that a link can hide.
LINK_RUNS = (
    "give 2 to 4 different runs with / between, each as supervision (1 or 0), schedule, base weight, scope and "
    "H-cycles, such as 1,linear_decay,0.5,full,3, or - for none"
)
LINK_LEFT_OUT = "Of this link these were left out, the rest is used: {listed}."
LINK_MORE = "and {count} more"
LINK_ALLOWED = "allowed are {listed}"
LINK_STEP = "give a whole number from 0 to {most}"
LINK_STOP = "give a whole number from 1 to {most}"
LINK_NUMBER = "give a number"
LINK_WHOLE = "give a whole number from {least} to {most}"
LINK_TEXT = "give at most {most} characters"
LINK_YES = "give 1 or 0"
OTHER_SITE = "refused: another site's page sent this. A proxy must pass on the header Host (docs/classroom.md)."
NO_ROOM_FOR_FILES = "refused: the files that wait on this server leave no room for another; try again in a minute."
LINK_CUSTOM = "custom weights belong to schedule=custom"
LINK_NOT_HERE = "this task has no such setting"
LINK_NO_PART = "no part that can be hidden"
LINK_NO_FILE = "an uploaded file is never part of a link"
LINK_TOO_LONG = "everything, because it is longer than {most} characters"
RUN_GONE = "The run of this tab is gone: the server does not have it any more. Train begins another."
LINK_BUSY = "Your own run is still going, so its figures stay; stop it to see the recorded ones."
HIDEABLE = {
    "intro": "headline and introduction",
    "tours": "tours",
    "share": "link buttons",
    "gallery": "gallery of tasks",
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

# The words of web/src/, by module.
DRAWING: dict[str, dict[str, str]] = {}

DRAWING["ribbon"] = {
    "ribbon": "The recursion, one column per step",
    "head_step": "step",
    "head_recursion": "recursion",
    "head_weight": "loss weight",
    "head_loss": "loss",
    "head_solved": "solved",
    "head_answer": "answer",
    "final": "final answer",
    "press": "press Train",
    "no_answer": "No answer yet, press Train.",
    "unchanged": "unchanged",
    "answer": "Answer: {words}.",
    "unsupervised": "not supervised",
    "cells": "cells {percent}",
    "flow_none": "The gradient does not reach it.",
    "flow_inside": "The gradient stays inside this step.",
    "flow_last_call": "The gradient stays inside this step's last L-cycle and its update of z_H.",
    "flow_through": "The gradient runs through it, back to the first step.",
    "said_step": "Step {k}.",
    "said_final": "Step {k}, the final answer.",
    "said_cycles": "{cycles} L-cycles, then the H-cycle.",
    "said_weight": "Loss weight {weight}.",
    "said_unsupervised": "Loss weight {weight}, not supervised.",
    "said_figures": "Loss {loss}. Solved {exact}, cells right {cells}.",
    "gradient": "\u2190\u00a0gradient",
    "divided": "divided by {divisor}",
    "divided_live": "live, divided by {divisor}",
    "update": "update {update}",
    "held_out": "held out",
    "held_out_puzzles": "{puzzles} held-out puzzles",
    "stale": "figures of the run before; press Train to run these settings",
    "lost": "The connection to the server is lost, and the page goes on by itself when it is back. Heard last: {text}",
    "gone": "This run is gone: the server does not have it any more. Train begins another. Heard last: {text}",
    "no_run": "No run yet: press Train.",
    "more": "More steps to the right: scroll the ribbon sideways, or choose a step and use the arrow keys.",
    "no_plan": "The ribbon unrolls here as soon as the settings are read.",
}
# Of steps that an evaluation reads and a training pass has not.
BEYOND = {"training": "beyond training", "later": "trained in a later pass"}
DRAWING["curves"] = {
    "losses": "Loss of each step",
    "no_losses": "The curves start with the first update: press Train.",
    "scores": "Solved (exact) on held-out puzzles",
    "cells_scores": "Cells right on held-out puzzles",
    "no_scores": "Held-out puzzles are tried now and then during training.",
    "log": "log scale",
    "in_seconds": "x in seconds",
    "smoothing": "smoothing",
    "cells_instead": "cells right instead",
    "as_table": "show as table",
    "step": "step {k}",
    "updates": "updates",
    "seconds_of": "seconds of training",
    "update": "update {update}",
    "loss_head": "update {update} \u00b7 {seconds} s",
    "cells_head": "update {update} \u00b7 cells right",
    "solved_head": "update {update} \u00b7 solved",
    "puzzles": "{puzzles} puzzles",
    "total": "total",
    "loss_table": "Losses, newest last",
    "score_table": "Held-out puzzles: solved (cells right)",
    "update_column": "update",
    "seconds_column": "seconds",
}
DRAWING["player"] = {
    "changed": "changed",
    "wrong": "wrong",
    "given": "given",
    "confidence": "confidence",
    "carry": "carry",
    "wall": "wall",
    "start": "start",
    "goal": "goal",
    "path": "path",
    "reached": "reached",
    "input": "input",
    "answer": "answer",
    "target": "target",
    "companions": "companions: last move",
    "heat": "{low} (blue) to {high} (orange)",
    "keys": "arrow keys: steps; Shift and arrow keys: cells; space: play",
    "play": "Play",
    "pause": "Pause",
    "previous": "Previous step",
    "next": "Next step",
    "step_slider": "Step",
    "training_slider": "During training",
    "during": "during training:",
    "empty": "Here an answer unfolds, step by step: press Train, or open a trained model.",
    "step": "step {step}",
    "step_final": "step {step}, the final answer",
    "step_of": "step {step} of 0\u2013{last}",
    "only_step": "step 0, the only one",
    "first_answer": "first answer",
    "on_the_way": "on the way",
    "final": "final answer",
    "loss": "loss {loss}",
    "halting": "halting {percent}",
    "after_update": "after update {update}",
    "update": "update {update}",
    "before": "before training",
    "newest": ", newest",
    "one_wrong": "{n} cell wrong",
    "cells_wrong": "{n} cells wrong",
    "solved": "solved",
    "none_wrong": "no cell wrong",
    "point_arrow": "Point at the tip of an arrow to see where it comes from.",
    "point_cell": "Point at a cell to see what the network thinks of it.",
    "board": "Board",
}
DRAWING["answers"] = {
    "no_number": "no number",
    "empty": "empty",
    "wrong": "{n} wrong",
    "solved": "solved",
    "moved": "moved {way}",
    "from_target": "{off} from the target",
    "on_target": "on target",
    "off": "{off} off",
    "changed": "{n} changed",
    "nowhere": "nowhere",
    "point": "The point: {now}",
    "companion": "Companion {i}: {now}",
    "at_step": "at step {k} {was}",
    "as_given": "as given {was}",
    "aim": "target {aim}, {off} away",
    "cell": "Row {row}, column {col}",
    "column": "Column {col}",
    "was": "was {was} at step {k}",
    "target": "target {aim}",
    "too_far": "wrong: too far from the target",
    "given": "given",
    "not_scored": "not scored",
    "carry": "carry {note}",
    "confidence": "confidence {percent}",
    "unchanged": "unchanged since step {k}",
    "should_be": "wrong, should be {name}",
    "is_wrong": "wrong",
}
DRAWING["tasks"] = {"gallery": "What is to be learned"}
DRAWING["maps"] = {
    "ends": "{name} ends at {x}, {y}",
    "heat": "{rows} rows, {cols} columns, {low} to {high}, largest in row {row}, column {col}",
}
DRAWING["keep"] = {
    "about": "Of the run that is shown above. The page plays without a server; the checkpoint opens with "
    "trm-explore show, and here again.",
    "nothing": "Nothing yet: press Train, or choose a recorded run.",
    "report.html": "Page to hand in (HTML)",
    "run.csv": "Table (CSV)",
    "model.safetensors": "Checkpoint",
    "run.zip": "All of it (ZIP)",
    "ribbon": "Ribbon",
    "losses": "Losses",
    "accuracy": "Accuracy",
}
BRING = "Bring one back: a checkpoint (.safetensors) or a run (.zip)"
BRING_HELP = "It is shown here as if it had just been trained, and can be looked into; it stays on this server."
BROUGHT = "{name} is shown above: task {task}. The tab Look inside has it as your own run."
BROUGHT_TASK = "the file is of task {task}, which this page does not offer; it offers {allowed}"
BROUGHT_LARGE = "{name} does not fit into this machine's memory; open it where there is more"
REFUSED = "The page was sent something that it cannot take; reload it and try again."
# What the gradient scope in force means, with supervision and without.
SCOPES = {
    "one_step": "Scope one_step: only the last L-cycle and last H update carry gradient; early losses rescale it.",
    "last": "Scope last: only the final cycle carries gradient; the early losses teach nothing, only rescale it.",
    "cycle": "Scope cycle: every loss teaches its own cycle and stops at the border; memory of one cycle.",
    "full": "Scope full: every loss runs back through all cycles before it; memory grows with the cycles.",
}
SCOPES_OFF = {
    "one_step": "Supervision is off: one loss, on the final answer, through its last L-cycle and H update (HRM).",
    "last": "Supervision is off: one loss, on the final answer, and its gradient stays in the last cycle, as in TRM.",
    "cycle": "Supervision is off: the only loss is the final one, so scope cycle is the same as last.",
    "full": "Supervision is off: one loss, on the final answer, and its gradient runs back through every cycle.",
}
# Where a run stands.
STATUS = {
    "done": "Done after {update} of {updates} updates, {seconds:.1f} s of training.",
    "stopped": "Stopped after {update} of {updates} updates, {seconds:.1f} s of training.",
    "update": "update {update} of {updates}",
    "first": "the first update",
    "queued": "Waiting for a free core: place {position} in line, before {at}.",
    "paused_after": "Paused after {at}.",
    "paused_before": "Paused before {at}.",
    "preparing": "Generating {what}: {done} of {total}.",
    "training": "Training: {at}, {rate:.0f} a second.",
    "starting": "Starting.",
    "go_on": "Resume goes on from there.",
}
# Why a run was ended that its viewer has not stopped.
ENDED_BY = {
    "lease": "Nobody watched it for {seconds:g} s, so it made room for others.",
    "seconds": "Stopped after {seconds:g} s of computing, which is the most that a run may have here.",
    "owner": "The owner of this page stopped it.",
    "server": "The server was shut down.",
}
NO_STATE = "the run cannot go on: what it needs for that is no longer kept; press Train for a new one"
STILL_ENDING = "other runs of this comparison are still under way; wait for them, or stop them first"
NOT_DRAWN = "This part of the page could not be fetched; reload the page."
KEEP_TITLE = "Take this run with you: page, table, figures, checkpoint; as a command, as Python"

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
LARGE_EDIT = "A change holds a number that is too large; at most {most} is allowed."
MANY_EDITS = "There are {count} changes; at most {most} are allowed, take one back."
BAD_CELLS = "A cell holds what is no symbol of this task; symbols are numbered from 0 to {most}."
BAD_SHAPE = "The puzzle has {cells} cells, which make no board of {rows} x {cols}."
NO_PUZZLE = "There is no puzzle in this text; write one a line, or a CSV with the column question."
LONG_PUZZLE = "The puzzle is no text of at most {longest:,} characters; paste a single puzzle."
LONG_FILE = "Of a file at most {longest} kB are read here; give a smaller one, or paste a puzzle."
LARGE_PUZZLE = "The puzzle has {cells} cells; at most {most} are allowed on this page."
BAD_CELL = "Cell {cell} is not there; cells are numbered from 0 to {most}."
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
    "held_only": "held out: never seen in training",
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

DRAWING["share"] = {
    "copy": "Copy link",
    "copied": "Copied.",
    "selected": "Selected: copy it with Ctrl+C or a long press.",
    "link": "Link to what you see",
    "teach": "For teachers",
    "title": "A link for your class",
    "explain": "It opens the page as you see it now: task, settings, seed, tab, step. Tick what should not be there.",
    "hide": "Hide",
    "embed": "Embed: no headline, no margins, for a frame on your own page",
    "start": "Begin with a tour",
    "none": "none",
    "frame": "As a frame",
    "close": "Close",
    "file": "Your own puzzle file is not part of a link: pass it on beside it.",
    "only_here": "This link works on this computer only. For others, start the page with --host 0.0.0.0.",
    "shut": "Hide this",
}
DRAWING["tours"] = {
    "label": "Short tours",
    "head": "Tours:",
    "count": "stop {stop} of {stops}",
    "back": "Back",
    "next": "Next",
    "done": "Done",
    "close": "End the tour",
}

# The tours (app/tours.py): a stop is a link, the elements that it lights up, and what it says. Figures stand in braces
# and come from what ships: {maze.on.solved[0]} is the share of held-out puzzles that step 0 solves, as the ribbon and
# the line of what was measured say it, `longer` with twice the steps.
TOURS = {
    "recursion": (
        "what recursion is",
        [
            (
                "task=sudoku4&step=0",
                "#ribbon",
                "One small network, again and again",
                "Each column is one pass of the same network, with the same weights. A pass takes up the answer and "
                "the latent state of the pass before it, and hands on both.",
            ),
            (
                "task=sudoku4&step=0",
                "#ribbon [data-col='0']",
                "A whole answer at once",
                "After one pass every cell has an answer: the network does not fill in one cell after the other. "
                "Cells marked × are wrong.",
            ),
            (
                "task=sudoku4&step=2",
                "#ribbon [data-col='2']",
                "The final answer",
                "Two passes later no cell of this puzzle is wrong. Nobody told the network anything in between: it "
                "went over its own answer again.",
            ),
            (
                "task=sudoku4&step=1",
                "#player",
                "Step through it",
                "One step at a time: what changed has a ring, what is wrong a ×, and the stronger the colour the surer "
                "the network. Press play, or use the arrow keys.",
            ),
            (
                "task=maze&step=0",
                "#ribbon .tr-solved",
                "Each pass knows more",
                "Of mazes that it was never trained on, the first pass solves {maze.on.solved[0]}, the second "
                "{maze.on.solved[1]}, the last {maze.on.solved[2]}.",
            ),
            (
                "task=maze",
                "#tasks",
                "Other tasks",
                "Carrying a digit, sorting, spreading through a maze: choose a task and see in the row “solved” how "
                "many passes it takes.",
            ),
        ],
    ),
    "supervision": (
        "why supervise every step",
        [
            (
                "task=sudoku4&step=0",
                "#ribbon .tr-weight",
                "A loss at every step",
                "Without deep supervision only the final answer is compared with the solution. With it every step's "
                "answer is, and the bars say how much each counts.",
            ),
            (
                "task=sudoku4&step=0",
                "#measured",
                "What it buys",
                "After {sudoku4.on.updates} updates the first pass alone solves {sudoku4.on.solved[0]} of "
                "{sudoku4.puzzles} held-out puzzles with supervision, {sudoku4.off.solved[0]} without. The final "
                "answers hardly differ: {sudoku4.on.solved[2]} and {sudoku4.off.solved[2]}.",
            ),
            (
                "task=sudoku4&pair=off&step=0",
                "#ribbon .tr-weight",
                "The same run without it",
                "Only the last column has a weight now. The first pass was never asked for a good answer; it only "
                "shares its weights with the last.",
            ),
            (
                "task=maze",
                "#measured",
                "Where the final answer gains too",
                "On mazes the last pass solves {maze.on.solved[2]} with supervision and {maze.off.solved[2]} without; "
                "given as much time instead of as many updates, {maze.off_time.solved[2]}. One seed each.",
            ),
            (
                "task=reach",
                "#measured",
                "Where it does not",
                "On this task, in as much time, the run without supervision ends at {reach.off_time.solved[8]}, the "
                "run with it at {reach.on.solved[8]}. One seed each: try others.",
            ),
            (
                "task=sudoku4&tab=compare&recipe=loss-gradient",
                "#guess",
                "Is it the loss, or the gradient?",
                "Supervision brings a longer gradient along. Four recorded runs take the two apart: with and without "
                "early losses, with a long gradient and a short one. Guess, then compare their first steps.",
            ),
        ],
    ),
    "schedule": (
        "which schedule",
        [
            (
                "task=sudoku4",
                "#deep_supervision_schedule",
                "How much does each step count?",
                "A schedule gives every step's loss a weight; only the ratios matter. The recorded run used linear "
                "decay: going back from the final step, the early weights shrink evenly.",
            ),
            (
                "task=sudoku4&schedule=constant",
                "#ribbon .tr-weight",
                "Constant",
                "All early steps count alike, by the base weight; the final one counts 1. The figures below have "
                "faded, because they belong to the recorded run and its schedule.",
            ),
            (
                "task=sudoku4&schedule=exponential_decay",
                "#ribbon .tr-weight",
                "Exponential decay",
                "Early steps count little: each of them twice as much as the one before, and the final one 1.",
            ),
            (
                "task=sudoku4&schedule=u_shaped",
                "#ribbon .tr-weight",
                "U-shaped",
                "A good start and a good end: both count 1, what lies between half the base weight.",
            ),
            (
                "task=sudoku4&schedule=front_loaded",
                "#ribbon .tr-weight",
                "Front-loaded",
                "The other way round: the first step counts most, each later one 0.7 of the one before. For answers "
                "that are good early.",
            ),
            (
                "task=maze&tab=compare&recipe=schedule",
                "#guess",
                "Which one is best?",
                "Four recorded runs on mazes, one a schedule, from the same seed. Guess, look at the final answer, "
                "then choose the first step above the curves. It depends on the task, and on whether you want early "
                "answers or only a good last one. One seed each: your own runs start with Start.",
            ),
        ],
    ),
    "stopping": (
        "when to stop",
        [
            (
                "task=parity&step=3",
                "#ribbon .tr-solved",
                "Done before the end",
                "Step 3 already solves {parity.on.solved[3]} of these held-out puzzles, step 2 only "
                "{parity.on.solved[2]}. The two passes after it have nothing left to do.",
            ),
            (
                "task=parity&step=3",
                "#player",
                "The network's own opinion",
                "A second head guesses whether the whole answer is right: that is “halting” in the line above the play "
                "button. Go back step by step: it is near 0 while many cells are wrong, and near 100 % when none is.",
            ),
            (
                "task=sudoku6",
                "#measured",
                "Thinking longer can help",
                "After {sudoku6.on.steps} passes this network solves {sudoku6.on.longer[5]} of {sudoku6.puzzles} "
                "held-out puzzles; left to go on for {sudoku6.on.twice} passes, {sudoku6.on.longer[11]}.",
            ),
            (
                "task=sorting",
                "#measured",
                "Or spoil it",
                "This one solves {sorting.on.longer[3]} after {sorting.on.steps} passes and {sorting.on.longer[7]} "
                "after {sorting.on.twice}: it never learned to leave a finished answer alone.",
            ),
            (
                "task=sorting",
                "#tab-inside-button",
                "See for yourself",
                "The tab Look inside lets a network think longer than it was trained for, and shows where it would "
                "have stopped.",
            ),
        ],
    ),
    "cost": (
        "what it costs",
        [
            (
                "task=sudoku4",
                "#curves",
                "Time",
                "An update with supervision took {sudoku4.cost} times as long as one without: more losses, and a "
                "gradient that runs back through every pass.",
            ),
            (
                "task=sudoku4&pair=off-time",
                "#pair",
                "As much time",
                "So a fair comparison also gives the run without supervision as much time: {sudoku4.off_time.updates} "
                "updates instead of {sudoku4.on.updates}.",
            ),
            (
                "task=addition",
                "#measured",
                "Worth it here",
                "On addition, in as much time, the final answer is right for {addition.off_time.solved[4]} without "
                "supervision and for {addition.on.solved[4]} with it. One seed each.",
            ),
            (
                "task=sudoku4",
                "#measured",
                "Not for the final answer there",
                "On this small Sudoku, in as much time, it is {sudoku4.off_time.solved[2]} without and "
                "{sudoku4.on.solved[2]} with it. What you pay for is the early answers: {sudoku4.off_time.solved[0]} "
                "and {sudoku4.on.solved[0]} at step 0.",
            ),
            (
                "task=sudoku4&scope=cycle",
                "#ribbon .tr-rec",
                "Memory",
                "A gradient through all passes keeps what all of them computed until it has run back. With scope cycle "
                "each loss teaches its own pass only, and one pass is kept at a time.",
            ),
            (
                "task=sudoku4",
                "#more",
                "Or pay with time",
                "Under More settings, Checkpointing keeps less and computes the rest again: the same gradients, less "
                "memory, more time. Once trained, an answer costs the same either way.",
            ),
        ],
    ),
}

# Compare: recipes by name (app/recipes.py has what they set): the question, and what to look at.
COMPARE_RECIPES = {
    "on-off": (
        "On or off?",
        "The same network with a loss at every step, and with the final loss only. Off also shortens the gradient "
        "(scope last), as published; the third question takes the two apart.",
    ),
    "schedule": (
        "Which schedule?",
        "Four ways to weight the same losses. Look at the first step and at the final one: what one schedule gives to "
        "the start, another gives to the end.",
    ),
    "loss-gradient": (
        "Is it the loss or the gradient?",
        "Two switches, four runs: with or without early losses, with the gradient through all cycles or the last only. "
        "Early losses with scope last teach nothing; they only rescale.",
    ),
    "depth": (
        "How deep?",
        "The same network applied 1, 2, 4 and 6 times, supervised at every step. More steps take more time: look at it "
        "against seconds too.",
    ),
}
COMPARE_RECORDED = {
    "on": "with deep supervision, scope full",
    "off": "without, scope last, as many updates",
    "off-time": "without, scope last, as much time",
    "off-full": "without, scope full: the long gradient alone",
    "on-last": "with deep supervision, scope last: early losses only rescale",
}
COMPARE = {
    "intro": "Up to four runs from the same seed, on the same puzzles, side by side. What is not varied here is as in "
    "the Train tab: task, size, seed, updates and all the rest.",
    "recipe": "Question",
    "by_hand": "Your own comparison: the four runs below, under \u201cThe runs, by hand\u201d.",
    "by_hand_choice": "By hand",
    "guess": "Your guess first: whose final answers will be right most often?",
    "none": "no difference",
    "start": "Start",
    "again": "Repeat with {seeds} seeds",
    "stop_seeds": "Stop repeating",
    "variants": "The runs, by hand",
    "used": "Run {letter}",
    "used_info": "takes part",
    "on": "supervision on",
    "off": "supervision off",
    "base": "base weight {weight:g}",
    "scope": "scope {scope}",
    "depth": "{cycles} H-cycles",
    "depth_one": "1 H-cycle",
    "recorded": "Recorded earlier, one seed, measured on {puzzles} held-out puzzles: press Start for runs of your own.",
    "not_recorded": " {letter} was not recorded.",
    "no_record": "No recorded runs answer this question: press Start.",
    "starting": "Starting.",
    "not_started": "\u26a0 Not started: {error}",
    "gone": "Your runs are gone: the server does not have them any more. Start begins others.",
    "state_preparing": "Preparing.",
    "state_running": "Training in turn: {done} of {updates} updates",
    "state_paused": "Paused: {done} of {updates} updates.",
    "state_finished": "Done: {done} of {updates} updates.",
    "state_stopped": "Stopped: {done} of {updates} updates.",
    "state_interrupted": "Stopped: {done} of {updates} updates. {why} Resume goes on from there.",
    "left": "; about {left} left.",
    "seeds_progress": "Seed {seed} ({round} of {rounds}), {letter}: update {update} of {updates}. {done} of {total} "
    "runs are done{left}.",
    "seeds_left": ", about {left} left",
    "seeds_done": "{total} runs, seeds {first} to {last}.",
    "seeds_stopped": "Stopped: {done} of {total} runs are kept.",
    "seeds_none": "Stopped before the first run was done: nothing to show.",
    "seeds_final": "Final answer, {measure}",
    "seeds_first": "First step, {measure}",
    "solved": "held-out puzzles solved",
    "cells": "held-out cells right",
    "seeds_why": "Intervals are Student's, of the differences within each seed, widened for {count} comparisons at "
    "once.",
    "seeds_figure": "Mean and band over seeds of {names}: the final answer's {measure}, by update",
    "seeds_save": "Save the figure (SVG)",
}
DRAWING["compare"] = {
    "empty": "Choose a question and press Start.",
    "lost": "The connection to the server is lost, and the page goes on by itself when it is back. Heard last: {text}",
    "gone": "These runs are gone: the server does not have them any more. Start begins others. Heard last: {text}",
    "loss": "Loss of {step}",
    "solved": "Solved (exact) on held-out puzzles, {step}",
    "cells": "Cells right on held-out puzzles, {step}",
    "last": "the final answer",
    "first": "the first step",
    "all": "all steps",
    "step": "step",
    "step_of": "step {step}",
    "updates": "updates",
    "seconds": "seconds of its own computing",
    "in_seconds": "against own seconds",
    "log": "log scale",
    "smoothing": "smoothing",
    "cells_instead": "cells right instead",
    "empty_loss": "The curves start with the first update.",
    "empty_scores": "Held-out puzzles are tried now and then during training.",
    "at_updates": "update {x}",
    "at_seconds": "after {x} s",
    "runs": "Runs",
    "boards": "The same held-out puzzle",
    "boards_step": "Step of all boards",
    "final_answers": "final answers",
    "play": "Play",
    "pause": "Pause",
    "shown": "step {step}",
    "shown_last": "each run's final answer",
    "stays": "has no step {step}; this is its last, {last}",
    "at_step": "step {step} of 0\u2013{last}",
    "no_board": "Its answers were not recorded: no board.",
    "no_board_yet": "Its board comes with the first update.",
    "table": "Where each run stands",
    "run": "run",
    "solved_steps": "solved: first \u2192 last step",
    "cells_steps": "cells right: first \u2192 last",
    "update": "updates",
    "time": "seconds",
    "speed": "updates a second",
    "memory": "memory, estimated",
    "memory_of": "{factor} \u00d7 off",
    "nobody": "No figures yet.",
    "ahead": "Ahead, by final answers that {what}: {leaders}. Behind: {behind}.",
    "tied": "Ahead, with no difference worth the name between them, by final answers that {what}: {leaders}. "
    "Behind: {behind}.",
    "even": "No difference worth the name between final answers that {what}: {leaders}.",
    "guess_first": "The recorded runs are here. Choose your guess above first, then see what came out.",
    "reveal": "Show the results without a guess",
    "what_solved": "are right",
    "what_cells": "have cells right",
    "firsts": "At the first step: {list}.",
    "even_why": "Less than two points of a hundred count as none.",
    "one_seed": "One seed proves little: repeat with more.",
    "guessed": "You guessed {guess}:",
    "guessed_none": "You guessed no difference:",
    "guess_right": "that is what came out.",
    "guess_right_now": "that is how it stands now.",
    "guess_wrong": "it came out otherwise.",
    "guess_wrong_now": "so far it is otherwise.",
}
DRAWING["intervene"] = {
    "cell_title": "Say what a cell says",
    "noise_title": "Disturb a state",
    "choose": "Step {step}: click a cell of the answer (or Shift and arrow keys).",
    "now": "After step {step}, {cell} says {says}. From here on it shall say:",
    "late": "After the last step nothing follows: choose an earlier step, or more cycles.",
    "late_too": "After an earlier step, random numbers can be added to a state.",
    "early": "Go to step 0",
    "noise_when": "After step {step}, add random numbers to",
    "state": "State {name}",
    "strength": "Strength of the noise",
    "times": "{scale} × its size",
    "add": "Add noise",
    "undo": "Undo all",
    "put": "Set",
    "say": "Let it say {name}",
    "number": "number",
    "point": "the point",
    "place": "row {row}, column {col}",
    "column": "column {col}",
    "set": "after step {step}: {cell} says {symbol}",
    "noise": "after step {step}: noise in {state}, {scale} × its size",
    "remove": "Take back: {what}",
    "caption": "Cells that differ from the undisturbed answer, by step",
    "strip": "Cells that differ, by step: {cells}",
}
DRAWING["thinking"] = {
    "title": "Right after so many cycles, on held-out puzzles",
    "empty": "A moment: the puzzles are being solved.",
    "exact_accuracy": "solved",
    "cell_accuracy": "cells right",
    "r2": "R2",
    "cycles": "cycles",
    "after": "after {cycles} cycles",
    "trained": "as trained: {cycles}",
    "here": "shown above",
    "halting": "When would it stop, on this puzzle?",
    "strip": "Bars: how sure the model is that its answer is right. Dashed: where it would stop. ✓ × what is true.",
    "stops": "stop",
    "step": "Step {step}: {p} sure, {right}",
    "right": "right",
    "wrong": "wrong",
}
DRAWING["inside"] = {
    "wait": "A moment: this is being computed.",
    "latent": "The way of z_H through the latent space",
    "mean": "mean of the cells",
    "this": "chosen cell",
    "start": "start",
    "after": "after step {step}",
    "first": "first direction, {part}",
    "second": "second, {part}",
    "change": "How far each cycle moves the states",
    "steps": "step",
    "by": "at step {step}, part of its length",
    "trained": "as trained",
    "influence": "From where does the chosen cell get its information?",
    "source": "What the map shows",
    "norms": "influence of each input",
    "head": "attention, head {head}",
    "place": "row {row}, column {col}",
    "column": "column {col}",
    "part": "{place}: {part} of the largest",
    "reads": "What moves {place} at step {step}: the stronger the colour, the more. Click a cell to ask about it.",
    "gradients": "How far each step's loss reaches back",
    "reach": "loss of step {loss} at z_H after cycle {cycle}: {norm}",
    "network": (
        "Rows: the loss of a step. Columns: the cycle it reaches. Scope {scope}. Into the network's weights, by step: "
        "{norms}."
    ),
}

# WIDGETS: what notebooks show beside the modules of the page.
DRAWING["steering"] = {
    "train": TRAIN,
    "pause": PAUSE,
    "resume": RESUME,
    "one_update": ONE,
    "stop": STOP,
}
DRAWING["weights"] = {
    "schedule": "schedule",
    "steps": "steps",
    "base": "base weight b",
    "bars": "The weight of every step",
    "weight_of": "Weight of step {step}",
    "step": "step {step}",
    "final": "step {step}, final",
    "share": "{part} of the total",
    "total": "total loss = ({sum}) / {divisor}",
}
COMPARE_RECORDED_HERE = "Runs that are over."
COMPARE_WAITING = "Not begun: press Train. The runs then compute in turn."
