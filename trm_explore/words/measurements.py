"""What measurements say in one line: of the trained pairs that ship, and of the analyses of a model.

Shares come as text (percent.py).
"""

# Of a trained pair (shipped/pairs.py).
PAIR = "Measured on {puzzles:,} held-out puzzles, one seed: {early}; {final}: {verdict}. {control}"
PAIR_EARLY = "step 0 {on} with supervision, {off} without ({in_time} in as much time)"
PAIR_FINAL = "the last step {on} against {off} ({in_time})"
PAIR_CONTROL = "The long gradient alone, without early losses (scope full): step 0 {first}, the last {last}."
PAIR_FIGURES = {
    "exact_accuracy": "solves {figure}",
    "cell_accuracy": "has {figure} of the cells right",
    "r2": "has an R2 of {figure}",
}
# What deep supervision does to the final answer: 1 better, 0 no difference, -1 worse.
PAIR_WORDS = {0: "about as good", 1: "better", -1: "worse"}
PAIR_IN_TIME = {0: "no better", 1: "better", -1: "worse"}
PAIR_SAME = "the final answer is {word} with it"
PAIR_EVEN = "the final answers are {word} either way"
PAIR_NOT_WORTH_IT = "for the final answer it is not worth its time here"
PAIR_DEPENDS = "{word} with it after as many updates, {in_time} in as much time"

# Longer thought, halting (analysis/thinking.py).
THINKING = "After {cycles}, as in training, {figure}"
THINKING_FIGURES = {
    "R2": "R2 is {figure}",
    "cells": "{figure} of the cells are right",
    "answers": "{figure} of the answers are right",
}
THINKING_HELPS = "; thinking longer helps: {figure} after {cycles}"
THINKING_FALLS = ", but {figure} after {cycles}"
THINKING_HARMS = "; thinking longer harms: {figure} after {cycles}"
THINKING_SAME = "; thinking longer changes little: {figure} after {cycles}"
THINKING_PUZZLES = " ({puzzles} held-out puzzles)."
HALTING = "Of {puzzles} puzzles {parts}{mean} (threshold {threshold:g})."
HALTING_PARTS = {
    "stopped right": "{count} stop where the answer is right",
    "stopped too early": "{count} stop too early: right later",
    "stopped wrong": "{count} stop on a wrong answer that does not become right",
    "never stopped, though right": "{count} never stop, though the answer was right",
    "never stopped, never right": "{count} rightly go on: no answer was right",
}
HALTING_MEAN = "; those that stop take {mean:.1f} of {steps} cycles in the mean"

# Interventions (analysis/intervention.py).
EDIT_NOTHING = "The edit changed no answer at any step."
EDIT_BACK = "The edit changed {cells} at step {step}; from step {back} on the answer is that of the undisturbed run."
EDIT_STAYED = "The edit changed {cells} at step {step}; the answer did not come back: at the last step {left}."
EDIT_LEFT_ONE = "1 cell still differs"
EDIT_LEFT = "{count} cells still differ"

# Latent space, influence (analysis/latent.py, influence.py).
DIRECTIONS = "The two directions hold {first} and {second} of the variance of {state}."
AT_REST = "z_H is almost at rest: from step {step} on it moves by less than 1 % of its length."
STILL_MOVES = "z_H still moves by {change:.2g} % of its length at the last step"
NO_FIXED_POINT = STILL_MOVES + ", hardly less than half way: no fixed point so far."
PERHAPS_FIXED_POINT = STILL_MOVES + ": no fixed point yet; more cycles would show whether there is one."
INFLUENCE_EXACT = "Exact norms."
INFLUENCE_ESTIMATED = "Estimated from {probes} of {directions} directions of each position's {of}."
INFLUENCE = "{how} Pairs with more than a hundredth of the largest influence: {first} at step 0, {last} at the last."

# Cost (analysis/cost_measured.py).
COST_ALONE = "One update takes {time}"
COST_AGAINST_OFF = (
    COST_ALONE + ", {ratio:.2f} times as long as without deep supervision ({time_off}; {estimated:.2f} estimated)"
)
COST_ONE = "; one update."
COST_MEDIANS = "; medians of {updates} updates."
COST_KEEPS = " It keeps {memory} for backward."
COST_KEEPS_MORE = " It keeps {memory} for backward, {ratio:.1f} times as much."

# Seeds (analysis/seeds.py).
SEEDS_FEW = "{measure}: {seeds} of {name} and {base} cannot tell noise from effect; at least 2 are needed."
SEEDS = (
    "{measure}: {name} has {points} {base} (mean of {n} seeds, paired; {confidence:.3g} % interval {low} to {high}): "
    "{verdict}."
)
SEEDS_SAME = "as many points as"
SEEDS_MORE = "{points} points more than"
SEEDS_LESS = "{points} points less than"
SEEDS_EFFECT = "larger than the noise between seeds"
SEEDS_NOISE = "no larger than the noise between seeds"
