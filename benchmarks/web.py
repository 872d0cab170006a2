"""Measures what runs in the browser, and prints what docs/benchmarks.md quotes.

    python benchmarks/web.py [--puzzles 5] [--pages 5] [--seconds 10]

Bytes of the page's scripts and of the static site's first view; in a real Chromium the time from opening the site on
the disk to its first paint and to the first answer; by task milliseconds an H-cycle, the seconds of 16 cycles, and the
time from a changed puzzle to the first answer drawn. At last a page is served, and `--pages` of them answer changed
puzzles without a pause: the processor time that the server spends meanwhile, and at rest. Run it alone on the machine;
it needs Playwright and a Chromium (the extra `test`).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trm_explore.app.comparing import recorded_group
from trm_explore.shipped.pairs import pair_names
from trm_explore.web import page_script, page_scripts
from trm_explore.web.site import START, model_of_pair, write_site

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

CYCLES = 16
TYPE = """async (changes) => {
  const stage = document.getElementById("stage"), found = [];
  const mount = stage.dataset.ready ? stage : stage.querySelector("[data-ready]");
  const rest = () => new Promise((go) => {
    const look = () => (Number(mount.dataset.steps) >= 3 ? go() : setTimeout(look, 5));
    look();
  });
  for (let i = 0; i < changes; i++) {
    await rest();
    [...mount.querySelectorAll("[data-name]")][i % 3].click();
    await rest();
    found.push(Number(mount.dataset.first));
  }
  return found;
}"""


def packed(text: str) -> int:
    return len(gzip.compress(text.encode(), mtime=0))


def sizes() -> None:
    scripts = {name: packed(source) for name, source in page_scripts().items()}
    print(f"page: {sum(scripts.values()) / 1e3:.1f} kB gzipped in all, the stage's own {scripts['stage'] / 1e3:.1f} kB")
    for name in ("report", "site"):
        print(f"{name}: one script of {packed(page_script(name)) / 1e3:.1f} kB gzipped")
    models = {task: json.dumps(model_of_pair(task, "on"), separators=(",", ":")) for task in pair_names()}
    print(
        "models, kB (gzipped): "
        + ", ".join(f"{t} {len(m) / 1e3:.0f} ({packed(m) / 1e3:.0f})" for t, m in models.items())
    )


def site_times(browser: Any, folder: Path, rounds: int) -> None:
    first = (folder / "index.html").stat().st_size + (
        folder / "data" / f"model-{START[0]}-{START[1]}.js"
    ).stat().st_size
    paints, answers = [], []
    for _ in range(rounds):
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        began = time.perf_counter()
        page.goto((folder / "index.html").as_uri())
        page.wait_for_selector("#stage[data-first]")
        answers.append(time.perf_counter() - began)
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0") / 1e3)
        page.close()
    print(
        f"site: first view {first / 1e3:.0f} kB, not packed; first paint after {statistics.median(paints):.2f} s, "
        f"first answer after {statistics.median(answers):.2f} s (medians of {rounds})"
    )


def cycle_times(browser: Any, folder: Path, puzzles: int) -> None:
    import sources

    parts = sources.as_text("network", "disturb", "rules", "thought")
    page = browser.new_page()
    for task in pair_names():
        file = model_of_pair(task, "on")
        code = f"""(file) => {{ {parts}
          const network = openNetwork(file), times = [];
          for (const puzzle of [file.puzzles[0], ...file.puzzles].slice(0, {puzzles + 1})) {{
            const thought = think(network, file, puzzleOf(file, puzzle)), began = performance.now();
            for (let k = 0; k < {CYCLES}; k++) thought.next();
            times.push((performance.now() - began) / {CYCLES});
          }}
          return times.slice(1); }}"""
        a_cycle = statistics.median(page.evaluate(code, file))
        firsts = changes(browser, folder, task)
        print(
            f"{task}: {a_cycle:.2f} ms a cycle, {CYCLES} cycles {CYCLES * a_cycle / 1e3:.2f} s; "
            f"first answer to a change after {statistics.median(firsts):.0f} ms (worst {max(firsts):.0f})"
        )


def changes(browser: Any, folder: Path, task: str) -> list[float]:
    page = browser.new_page(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    page.goto((folder / "index.html").as_uri() + f"#{task}")
    page.wait_for_selector(f"#stage[data-task={task}][data-first]")
    found = page.evaluate(TYPE, 9)
    page.close()
    return found


@contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "trm_explore", "app", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as trial:
                if not trial.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", server
    finally:
        server.terminate()
        server.wait()


def spent(server: subprocess.Popen[bytes]) -> float:
    """Processor seconds of the server so far (Linux)."""
    fields = Path(f"/proc/{server.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost_of_typing(browser: Any, pages: int, seconds: float) -> None:
    with served() as (url, server):
        context = browser.new_context(viewport={"width": 1000, "height": 700}, reduced_motion="reduce")
        opened = [context.new_page() for _ in range(pages)]
        for page in opened:
            page.goto(url)
            page.wait_for_selector("#stage [data-fetched], #stage[data-fetched]", state="attached", timeout=120_000)
        time.sleep(3)
        before = spent(server)
        time.sleep(seconds)
        rest = spent(server) - before
        asked: list[str] = []
        for page in opened:
            page.on(
                "request", lambda request: asked.append(request.url) if not request.url.startswith("blob:") else None
            )
        before, end, answers = spent(server), time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            for page in opened:
                answers += len(page.evaluate(TYPE, 2))
        print(
            f"{pages} pages, {answers} changed puzzles in {seconds:.0f} s: {len(asked)} requests, the server spent "
            f"{spent(server) - before:.2f} s of processor time, {rest:.2f} s at rest"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--puzzles", type=int, default=5)
    parser.add_argument("--pages", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    from browser import launch

    print(f"{platform.machine()}, {os.cpu_count()} cores")
    sizes()
    with tempfile.TemporaryDirectory() as name, launch() as browser:
        print(browser.version)
        folder = Path(name)
        for _ in write_site(folder, recorded_group):
            pass
        site_times(browser, folder, args.puzzles)
        cycle_times(browser, folder, args.puzzles)
        cost_of_typing(browser, args.pages, args.seconds)


if __name__ == "__main__":
    main()
