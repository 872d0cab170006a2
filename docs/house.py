"""Draws docs/house.svg, the picture of the rooms in architecture.md, from the imports of the package.

    python docs/house.py

A room stands above all that it imports from. An arrow that follows from others is left out: app imports from model, but
also from web, whose imports lead there.
"""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "trm_explore"
PICTURE = Path(__file__).with_name("house.svg")
# Where a room stands in its row, in pixels from the left; others stand in the middle.
COLUMNS = {"words": 620, "shipped": 620, "analysis": 430, "runs": 380, "tasks": 190, "model": 410}
COLUMNS |= {"web": 180, "app": 180, "cli": 180, "__main__": 180, "plots": 390, "widgets": 420, "teach": 420}
MIDDLE, WIDTH, ROW, BOX = 300, 720, 58, (104, 32)
STYLE = """
text { font: 600 14px system-ui, sans-serif; fill: #1d2b30; text-anchor: middle; dominant-baseline: central }
rect { fill: #e4f0f2; stroke: #1f6f80; stroke-width: 1.2 }
line { stroke: #1f6f80; stroke-width: 1.2 }
path { fill: #1f6f80 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6eef0 } rect { fill: #16343b; stroke: #4fc0cf } line { stroke: #4fc0cf } path { fill: #4fc0cf }
}
"""


def rooms() -> dict[str, set[str]]:
    """Every room, and the other rooms that its modules import from. __main__ counts as one."""
    found: dict[str, set[str]] = {path.parent.name: set() for path in PACKAGE.glob("*/__init__.py")}
    found["__main__"] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [f"{name}.{alias.name}" for name in names for alias in node.names]
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            parts = [name.split(".") for name in names]
            if room in found:
                found[room] |= {p[1] for p in parts if p[0] == "trm_explore" and len(p) > 1 and p[1] in found}
    return {room: others - {room} for room, others in found.items()}


def below(room: str, imports: dict[str, set[str]]) -> set[str]:
    """All that a room imports from, directly or not."""
    return imports[room].union(*(below(other, imports) for other in imports[room]))


def arrows(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without those that follow from others."""
    return {
        room: {one for one in others if not any(one in below(other, imports) for other in others)}
        for room, others in imports.items()
    }


def draw() -> str:
    """The picture as SVG."""
    imports = rooms()
    shown = arrows(imports)

    def row(room: str) -> int:
        return 1 + max(map(row, shown[room]), default=-1)

    top = max(map(row, shown))
    place = {room: (COLUMNS.get(room, MIDDLE), 24 + (top - row(room)) * ROW) for room in sorted(shown)}
    lines, boxes = [], []
    for room, (x, y) in place.items():
        for other in sorted(shown[room]):
            lines.append(_arrow((x, y + BOX[1] / 2), (place[other][0], place[other][1] - BOX[1] / 2)))
        boxes.append(f'<rect x="{x - BOX[0] / 2:g}" y="{y - BOX[1] / 2:g}" width="{BOX[0]}" height="{BOX[1]}" rx="5"/>')
        boxes.append(f'<text x="{x}" y="{y}">{room}</text>')
    height = 48 + top * ROW
    title = "The rooms of trm_explore: each imports from those that its arrows lead to, and from all below those"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">'
    return "\n".join([head, f"<title>{title}</title>", f"<style>{STYLE}</style>", *lines, *boxes, "</svg>", ""])


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x, y), (u, v) = start, end
    length = ((u - x) ** 2 + (v - y) ** 2) ** 0.5
    along, across = ((u - x) / length, (v - y) / length), (-(v - y) / length, (u - x) / length)
    back = (u - 8 * along[0], v - 8 * along[1])
    left, right = ((back[0] + k * across[0], back[1] + k * across[1]) for k in (3.5, -3.5))
    head = f"M{u:.1f} {v:.1f}L{left[0]:.1f} {left[1]:.1f}L{right[0]:.1f} {right[1]:.1f}z"
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{back[0]:.1f}" y2="{back[1]:.1f}"/><path d="{head}"/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
