"""`python app.py` serves the page, as `trm-explore app` does and with its options; Hugging Face Spaces start here."""

import sys

from trm_explore.cli import main

if __name__ == "__main__":
    sys.exit(main(["app", *sys.argv[1:]]))
