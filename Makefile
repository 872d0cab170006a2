# The three commands of this project. Everything lives in .venv; nothing is installed twice (stamp files in .venv tell).
.PHONY: help app lab docs test web chromium nginx clean
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= python3
PIP_FLAGS ?=
ARGS ?=
# A test process a core, four at most (each holds PyTorch); ARGS="-n 0" runs all in one. A file stays in one process, whose
# tests share what it has made.
WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
VPYTHON := .venv/bin/python
INSTALL = $(VPYTHON) -m pip install --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e
BROWSERS := chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable
APT := apt-get

help:
	@echo "make app     install once into .venv, then open the page on http://127.0.0.1:7860 (ARGS=... for its options)"
	@echo "make lab     install once into .venv, then open the lessons in JupyterLab (ARGS=... for its options)"
	@echo "make docs    install once what the documents need, then build them as a site in site/"
	@echo "make test    install once what the tests need, then run every check (ARGS=... for pytest)"
	@echo "make web     for those who change JavaScript: format, check and bundle it (needs node, which nothing else does)"
	@echo "make clean   remove .venv and what the tools left behind"
	@echo "PYTHON=python3.12 picks the Python to make .venv with; PIP_FLAGS=... goes to pip install (see README.md)"

app: .venv/.app
	@$(VPYTHON) -m trm_explore app $(ARGS)

# From here, not from notebooks/: the lessons link to docs/.
lab: .venv/.lab
	@$(VPYTHON) -m jupyterlab --ServerApp.default_url=/lab/tree/notebooks/01_recursion_by_hand.ipynb $(ARGS)

docs: .venv/.docs
	@NO_MKDOCS_2_WARNING=1 $(VPYTHON) -m mkdocs build --quiet $(ARGS)
	@echo "site/index.html"

# What esbuild makes of web/src is committed, and a test holds it to its sources: nobody else needs node.
web: node_modules/.installed
	@npm run -s format && npm run -s check && npm run -s build

node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || { echo "make web needs npm, which comes with Node.js 20 or newer" >&2; exit 1; }
	@npm ci --no-audit --no-fund --silent
	@touch $@

test: .venv/.test chromium nginx
	$(VPYTHON) -m ruff check
	$(VPYTHON) -m ruff format --check
	$(VPYTHON) -m pytest $(WORKERS) $(ARGS)

# A stamp is touched only after the install before it succeeded: an interrupted one is done again.
.venv/.app: .venv/.made pyproject.toml constraints.txt
	@echo "Installing into .venv. This happens once and takes some minutes: PyTorch is large."
	@$(INSTALL) '.[app]'
	@touch $@

.venv/.lab: .venv/.made pyproject.toml constraints.txt
	@echo "Installing into .venv. This happens once and takes some minutes: PyTorch is large."
	@$(INSTALL) '.[lab]'
	@touch $@

.venv/.docs: .venv/.made pyproject.toml constraints.txt
	@$(INSTALL) '.[docs]'
	@touch $@

.venv/.test: .venv/.made pyproject.toml constraints.txt
	@echo "Installing into .venv, with what the tests need. This happens once and takes some minutes: PyTorch is large."
	@$(INSTALL) '.[app,test]'
	@touch .venv/.app .venv/.docs .venv/.lab $@

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is missing or older than Python\
	 3.11, the oldest that works here: install a newer one and name it, for example make app PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its\
	 venv package (Debian and Ubuntu: apt install python3-venv) and try again." >&2; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@

# The browser tests take Debian's headless Chromium, which we install where we are root (it opens a page in a fifth of the
# time of one with windows), else any Chromium of the system, else Playwright's own.
chromium: .venv/.test
	@has_one() { for name in $(BROWSERS); do command -v $$name >/dev/null && return 0; done; return 1; }; \
	playwright_has_one() { $(VPYTHON) -c 'import os, sys; from playwright.sync_api import sync_playwright as s; p = s().start();\
	 found = os.path.exists(p.chromium.executable_path); p.stop(); sys.exit(not found)'; }; \
	install() { $(APT) install -qq -y --no-install-recommends $$1 fonts-liberation >/dev/null 2>&1; }; \
	command -v $(firstword $(BROWSERS)) >/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v $(APT) >/dev/null; then \
		echo "Installing Debian's Chromium for the browser tests."; \
		export DEBIAN_FRONTEND=noninteractive; \
		{ $(APT) update -qq && install $(firstword $(BROWSERS)); } || has_one || install chromium; \
	fi; \
	has_one && exit 0; \
	playwright_has_one && exit 0; \
	$(VPYTHON) -m playwright install chromium && playwright_has_one && exit 0; \
	echo "The browser tests need a Chromium and none could be installed: install chromium or Google Chrome with your\
	 system's package manager, then run make test again." >&2; exit 1

# One test puts the page behind a real nginx. It skips itself where there is none and none can be installed.
nginx:
	@command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || [ "$$(id -u)" != 0 ] || ! command -v $(APT) >/dev/null || {\
		echo "Installing Debian's nginx for a test of the page behind a proxy."; export DEBIAN_FRONTEND=noninteractive; \
		$(APT) update -qq && $(APT) install -qq -y --no-install-recommends nginx-light >/dev/null; } || true

clean:
	rm -rf .venv node_modules build dist site .pytest_cache .ruff_cache .hypothesis
	find trm_explore tests -name __pycache__ -type d -prune -exec rm -rf {} +
