"""What the tab Compare says."""

# Recipes by name (app/recipes.py has what they set): the question, and what to look at.
RECIPES = {
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

RECORDED = {
    "on": "with deep supervision, scope full",
    "off": "without, scope last, as many updates",
    "off-time": "without, scope last, as much time",
    "off-full": "without, scope full: the long gradient alone",
    "on-last": "with deep supervision, scope last: early losses only rescale",
}

WORDS = {
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
