"""`python -m trm_explore ...` is `trm-explore ...`."""

import sys

from trm_explore.cli import main

sys.exit(main())
