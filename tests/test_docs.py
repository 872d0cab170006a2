"""The documents build as a site, strictly: no dead link, no unknown name, nothing fetched from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import trm_explore
from trm_explore import analysis

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_document_has_its_place_in_the_contents(site):
    nav = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"])
    for page in (ROOT / "docs").glob("*.md"):
        assert f"'{page.name}'" in nav, f"{page.name} is not in mkdocs.yml"
        assert (site / f"{page.stem}.html").is_file()


def test_a_page_loads_nothing_from_elsewhere(site):
    for page in site.glob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|link)[^>]+(?:src|href)=\"(https?:[^\"]+)", page.read_text(encoding="utf-8")
        )
        assert not loaded, (page.name, loaded)


def test_the_reference_has_every_public_name(site):
    text = (site / "reference.html").read_text(encoding="utf-8")
    named = {name for name in trm_explore.__all__ if not name.isupper()}  # TASKS is a dict
    missing = [name for name in sorted(named | set(analysis.__all__)) if not re.search(rf">\s*{name}\s*<", text)]
    assert not missing
