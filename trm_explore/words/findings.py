"""What a diagnosis finds in a run (analysis/diagnosis.py): what was seen, and what to try."""

RISING = "the final step's loss has risen to {now:.3g}, from {best:.3g} at its best"
RISING_ADVICE = "training diverges: try a lower lr (now {lr:g})"
RISING_ADVICE_ON = RISING_ADVICE + " or a lower deep_supervision_weight (now {weight:g})"

NO_REFINEMENT = (
    "later steps are no better than earlier ones: held-out loss {first:.3g} at step 0, {last:.3g} at step {step}"
)
SUPERVISE = "try enable_deep_supervision with deep_supervision_schedule=linear_decay"
WEIGHT_LATER_STEPS = (
    "try deep_supervision_schedule=exponential_decay instead of {schedule}, which puts more of the weight on the later "
    "steps"
)
LOWER_WEIGHT = "try a lower deep_supervision_weight (now {weight:g})"

FIRST_STEP_STUCK = "step 0 is not learning: its loss was {first:.3g} at first and is {now:.3g} now"
LONGER_GRADIENT = "with gradient_scope={scope} early losses teach nothing: take full or cycle"
WEIGHT_EARLY_STEPS = "give early steps more weight: try deep_supervision_schedule=constant"
HIGHER_LR = "try a higher lr (now {lr:g}) or more updates"

BASELINE = "no better than a baseline: held-out loss {loss:.3g}, and {baseline:.3g} for '{name}'"
BASELINE_ADVICE = "train longer, with a higher lr, or try another deep_supervision_schedule"
