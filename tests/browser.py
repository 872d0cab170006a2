"""A real Chromium for the tests: `with launch() as browser: ...` gives a Playwright browser."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import Error, sync_playwright

# The headless shell first: without windows it opens a page in a fifth of the time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# No sandbox: tests also run as root in containers. The rest keeps Chromium from calling home.
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def launch():
    """The system's Chromium if there is one, else Playwright's own; none at all fails with one sentence."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGS)
        except Error as error:
            where = path or f"neither {', '.join(NAMES)} nor Playwright's own"
            raise RuntimeError(
                f"No Chromium could be started ({where}): run `make test`, which installs one, "
                f"or `playwright install chromium`. {str(error).splitlines()[0]}"
            ) from None
        try:
            yield browser
        finally:
            browser.close()
