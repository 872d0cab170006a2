"""What is said of a run: where it stands, why it ended, what its gradient scope means, what was recorded."""

RECORDED = "Recorded earlier, {kind}: {updates} updates in {seconds:.0f} s of one core."
RECORDED_HERE = RECORDED + " Press Train for a run of your own."
RECORDED_ON = " Its final figures are of {puzzles:,} held-out puzzles, those during training of {during}."
NOTHING_RECORDED = "No recorded run of this task: press Train."
WAITS = "Waiting for a free core: place {place} in line, about {wait}."

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

# Of steps that an evaluation reads and a training pass has not.
BEYOND = {"training": "beyond training", "later": "trained in a later pass"}
BROUGHT = "{name} is shown above: task {task}. The tab Look inside has it as your own run."
RUN_GONE = "The run of this tab is gone: the server does not have it any more. Train begins another."
LINK_BUSY = "Your own run is still going, so its figures stay; stop it to see the recorded ones."
RUNS_OVER = "Runs that are over."
RUNS_WAITING = "Not begun: press Train. The runs then compute in turn."
NOT_DRAWN = "This part of the page could not be fetched; reload the page."
