"""What the static site says (web/site.py)."""

TRAINED_LEAD = (
    "Each column below is one cycle, and its answer. Deep supervision puts a loss on every one of them. These runs "
    "were recorded; to train one of your own, install trm_explore."
)
KINDS = "Which recorded run"
MEASURED = "One seed a run, measured on {puzzles:,} held-out puzzles."
GUESS = "Your guess: which run answers best in the end?"
COMPARED = "What difference does it make?"
COMPARED_LEAD = "Recorded runs of this task, side by side. Guess first."
FOOT = "Made by trm_explore with trm-explore site. Nothing here asks a server for anything."
DOCUMENTS = "Documents"
DONE = "{out}: {files} files, {size:.1f} MB. Open {out}/index.html, or publish the folder as it is."
NO_DOCUMENTS = "Without the documents: {reason}"
NO_SOURCES = "they are in a clone of the project only"
NO_MKDOCS = "mkdocs is not installed; pip install 'trm-explore[docs]' in a clone"
