"""The tours (app/tours.py): a stop is a link, the elements that it lights up, a title, and what it says.

Figures stand in braces and come from what ships: {maze.on.solved[0]} is the share of held-out puzzles that step 0
solves, as the ribbon and the line of what was measured say it, `longer` with twice the steps.
"""

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
