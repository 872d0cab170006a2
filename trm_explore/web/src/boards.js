// Boards: one answer of a frame as a picture, by its kind: grid, digits, path, heat or plane.
// Colours are CSS variables; --c is the colour of the step.

import { h, put } from "./common.js";
import { answers } from "./answers.js";

export const BOARD_CSS = `
.bd { container-type: inline-size; width: 100%; max-width: var(--w); user-select: none; touch-action: manipulation; cursor: default }
.bd-cells { display: grid; gap: 1px; background: var(--line); border: 2px solid var(--fg); border-radius: 5px; overflow: hidden }
.bd span { position: relative; display: flex; align-items: center; justify-content: center; aspect-ratio: 1; min-width: 0; overflow: hidden; font-size: min(calc(var(--part) * 1cqw / var(--cols)), 34px); line-height: 1;
  background-color: color-mix(in srgb, var(--c) calc(var(--p) * 1%), var(--bg)); transition: background-color .18s }
.bd .given { font-weight: 800 } .bd .right { border-right: 2px solid var(--fg) } .bd .below { border-bottom: 2px solid var(--fg) }
.bd .changed::before { content: ""; position: absolute; inset: min(2px, calc(6cqw / var(--cols))); border: min(2px, calc(8cqw / var(--cols))) solid var(--fg); border-radius: 3px }
.bd .wrong::after { content: ""; position: absolute; right: 6%; top: 6%; width: clamp(5px, 30%, 13px); aspect-ratio: 1; background-image: var(--cross); forced-color-adjust: none }
.bd .own.wrong::after { background-color: var(--bg) } .bd-small .wrong::after { width: clamp(5px, 38%, 11px) }
.bd .cursor { outline: 2px dashed var(--fg); outline-offset: -5px }
.bd-digits { background: none; border: 0; border-radius: 0; gap: 3px; padding: 1px } .bd-digits span { aspect-ratio: .82; border-radius: 3px }
.bd-digits .given { background: none }
.bd .bd-rule { grid-column: 1 / -1; height: 2px; margin: 1px 0; background: var(--fg) }
.bd .bd-sign { grid-column: 1; font: 400 min(calc(52cqw / var(--cols)), 26px)/1 system-ui; align-self: center; text-align: center; color: var(--mute) }
.bd .bd-note { font-size: max(9px, min(calc(36cqw / var(--cols)), 15px)); line-height: 1.1; min-height: 1.1em; font-weight: 700; text-align: center; color: color-mix(in srgb, var(--c) 62%, var(--fg)); overflow: hidden }
.bd-picture { border: 2px solid var(--fg); border-radius: 5px; overflow: hidden; background: var(--open) } .bd svg { display: block; width: 100% }
.bd svg :is(path, line) { fill: none; stroke-linecap: round; stroke-linejoin: round }
.bd .b-wall { fill: var(--wall); stroke: none } .bd .b-lines { stroke: var(--line) } .bd .b-lit { fill: var(--c); stroke: none }
.bd .b-line { stroke: color-mix(in srgb, var(--c) 88%, var(--fg)) }
.bd .b-ring { stroke: var(--fg) } .bd .b-halo { stroke: var(--bg) } .bd .b-cross { stroke: var(--bad) }
.bd .b-cursor { stroke: var(--fg) }
.bd .b-badge { fill: var(--fg); stroke: var(--bg) } .bd .b-letter { fill: var(--bg); font: 700 1px system-ui; text-anchor: middle; dominant-baseline: central }
.bd .b-value { stroke: none } .bd .b-odd { fill: var(--fg); stroke: none }
.bd-plane { background: var(--bg) } .bd .b-arrow { stroke: var(--c); opacity: .6 } .bd .b-way { stroke: var(--fg); opacity: .75 }
.bd .b-later { stroke: var(--fg); opacity: .35; stroke-dasharray: 1 4 }
.bd .b-in { fill: var(--fg); stroke: var(--bg) } .bd .b-aim { fill: none; stroke: var(--fg) } .bd .b-dot { --c: var(--light); fill: var(--c); stroke: var(--bg) }
.bd .b-dot.now { stroke: var(--fg) }
[data-theme=dark] .bd .b-dot { --c: var(--dark) } .bd .b-name { fill: var(--fg); stroke: var(--bg); paint-order: stroke; font: 600 11px system-ui }
.bd-small .bd-cells { border-width: 1.5px; border-radius: 3px } .bd-small .bd-picture { border-width: 1.5px; border-radius: 3px }
.bd-small .right { border-right-width: 1.5px } .bd-small .below { border-bottom-width: 1.5px } .bd-small .bd-digits { border: 0; gap: 1px }
.bd-small .bd-note { font-size: max(7px, min(calc(40cqw / var(--cols)), 11px)) }
.bd-small .changed::before { inset: 0; border-width: min(1.5px, calc(10cqw / var(--cols))); border-radius: 0 }`;

export const boards = (() => {
  const { kindOf, size, unasked, idAt, roleOf, changedAt, valueAt, pointAt, placeAt, distance, range, count } = answers;
  const SHADES = 20; // of the heat map, from the lowest to the highest value
  const SIDE = 200; // of the plane, in drawing units

  const flat = ({ rows, cols, kind }) => kind === "digits" || cols >= 2 * rows;
  // How wide a board is drawn at most, in pixels: short rows do not swell, long ones and mazes get more room.
  function width(board, small) {
    const { rows, cols, kind } = board,
      span = cols + (kind === "digits" ? 0.8 : 0);
    if (small) return flat(board) ? Math.min(240, span * 26) : 150 * Math.min(1, cols / rows);
    if (cols <= rows || !flat(board)) return (cols > 30 ? 480 : 340) * Math.min(1, Math.max(cols / rows, 0.15));
    return Math.min(span * 52, Math.max(340, Math.min(640, span * 30)));
  }

  const least = (board) =>
    board.kind === "plane"
      ? 128
      : flat(board)
        ? Math.min(210, board.cols * 13 + 24)
        : Math.min(150, board.cols * 11 + 18); // and a ribbon's column at least

  // Cells of symbols as nodes of a CSS grid. Digits stand under a row of carries, the last row under a rule.
  function cellsOf(frame, small) {
    const { rows, cols, box } = frame.board,
      digits = kindOf(frame) === "digits",
      sign = frame.board.sign ?? "+";
    const node = h("div", `bd-cells${digits ? " bd-digits" : ""}`),
      nodes = Array.from({ length: rows * cols }, () => h("span")),
      notes = digits ? Array.from({ length: cols }, () => h("div", "bd-note")) : [];
    node.style.gridTemplateColumns = `${digits ? ".8fr " : ""}repeat(${cols}, 1fr)`;
    node.style.setProperty("--cols", digits ? cols + 0.8 : cols);
    node.style.setProperty("--part", digits || small || cols > 12 ? 60 : 52);
    nodes.forEach((cell, i) => {
      cell.dataset.cell = i;
    });
    if (digits) node.append(h("i"), ...notes);
    for (let row = 0; row < rows; row++) {
      if (digits && row && row === rows - 1) node.append(h("div", "bd-rule"));
      if (digits) node.append(h("div", "bd-sign", row === rows - 2 ? sign : ""));
      node.append(...nodes.slice(row * cols, (row + 1) * cols));
    }
    const draw = (shown, k) => {
      const answer = shown.steps[k],
        wrong = new Set(answer.wrong || []);
      nodes.forEach((cell, i) => {
        const row = Math.floor(i / cols) + 1,
          col = (i % cols) + 1,
          given = Boolean(shown.given?.[i]),
          sure = answer.conf?.[i] ?? 1,
          id = idAt(shown, k, i);
        put(cell, id == null || (small && cols > 24) ? "" : (shown.board.symbols?.[id] ?? String(id)));
        cell.className = [
          given && "given",
          changedAt(shown, k, i) && "changed",
          wrong.has(i) && "wrong",
          box && col % box[1] === 0 && col < cols && "right",
          box && row % box[0] === 0 && row < rows && "below",
        ]
          .filter(Boolean)
          .join(" ");
        cell.style.setProperty("--p", given || unasked(shown, i) ? 0 : (6 + 40 * sure * sure).toFixed(0));
        const paint = shown.board.colors?.[id] ?? ""; // symbols that are colours, such as ARC's: the cell shows its own
        cell.classList.toggle("own", Boolean(paint));
        [cell.style.backgroundColor, cell.style.color] = [paint, paint && "transparent"];
      });
      notes.forEach((note, col) =>
        put(note, Array.from({ length: rows }, (_, row) => answer.notes?.[row * cols + col]).find(Boolean) || ""),
      );
    };
    const point = (cursor) => nodes.forEach((cell, i) => cell.classList.toggle("cursor", i === cursor));
    return {
      node,
      draw,
      point,
      at: (event) => {
        const cell = event.target.closest?.("[data-cell]");
        return cell ? Number(cell.dataset.cell) : null;
      },
    };
  }

  // A board as one SVG with a node a layer, however many cells: `layers(frame, k, px)` is its content; px: a cell's rough size on screen.
  function pictureOf(frame, small, layers, at, spot) {
    const { rows, cols } = frame.board,
      plane = kindOf(frame) === "plane",
      px = width(frame.board, small) / cols;
    const node = h("div", `bd-picture${plane ? " bd-plane" : ""}`);
    node.innerHTML = `<svg viewBox="0 0 ${plane ? `${SIDE} ${SIDE}` : `${cols} ${rows}`}" aria-hidden="true"><g></g><path class="b-cursor" stroke-width="${plane ? 1.5 : Math.max(0.1, 2 / px)}"/></svg>`;
    const [content, mark] = node.firstChild.children;
    let shown = null,
      step = 0;
    const draw = (f, k, colors) => {
      [shown, step] = [f, k];
      content.innerHTML = layers(f, k, px, small, colors);
    };
    const point = (cursor) => mark.setAttribute("d", cursor == null || !shown ? "" : spot(shown, step, cursor));
    return {
      node,
      draw,
      point,
      at: (event) => {
        const area = node.firstChild.getBoundingClientRect(),
          x = (event.clientX - area.left) / area.width,
          y = (event.clientY - area.top) / area.height;
        return x < 0 || y < 0 || x >= 1 || y >= 1 || !shown ? null : at(shown, step, x, y);
      },
    };
  }
  const cellAt = ({ board: { rows, cols } }, k, x, y) => Math.floor(y * rows) * cols + Math.floor(x * cols);
  const square = (i, cols, inset = 0) =>
    `M${(i % cols) + inset} ${Math.floor(i / cols) + inset}h${1 - 2 * inset}v${1 - 2 * inset}h${2 * inset - 1}z`;
  const spotOf = (frame, k, i) => square(i, frame.board.cols, -0.05);
  const layer = (cls, d, more = "") => (d ? `<path class="${cls}" d="${d}" ${more}/>` : "");

  // The sign of what is wrong, in the cell's corner; in tiny cells over the whole cell. px: a cell's rough size on screen.
  const crossed = (d, thick) =>
    layer("b-halo", d, `stroke-width="${2.4 * thick}"`) + layer("b-cross", d, `stroke-width="${thick}"`);
  function crosses(wrong, cols, px) {
    const [left, top, size] = px < 14 ? [0.15, 0.15, 0.7] : [0.62, 0.12, 0.26];
    const one = (i) =>
      `M${(i % cols) + left} ${Math.floor(i / cols) + top}l${size} ${size}m${-size} 0l${size} ${-size}`;
    return crossed((wrong || []).map(one).join(""), Math.max(0.09, 1.4 / px));
  }

  function pathLayers(frame, k, px, small) {
    const { rows, cols } = frame.board,
      answer = frame.steps[k],
      own = (i) => roleOf(frame, frame.inputs?.[i]),
      end = (i) => own(i) === "start" || own(i) === "goal";
    const said = Array.from({ length: rows * cols }, (_, i) => (end(i) ? own(i) : roleOf(frame, idAt(frame, k, i)))),
      on = (i) => ["path", "start", "goal"].includes(said[i]);
    const lit = ["", "", "", "", ""];
    let walls = "",
      line = "",
      ring = "",
      lines = "",
      ends = "";
    said.forEach((role, i) => {
      const x = i % cols,
        y = Math.floor(i / cols),
        sure = answer.conf?.[i] ?? 1;
      if (own(i) === "wall") walls += square(i, cols);
      if (role === "path" || role === "reached") lit[Math.min(4, Math.floor(5 * sure * sure))] += square(i, cols);
      if (role === "path") line += `M${x + 0.5} ${y + 0.5}h0`;
      if (on(i) && x + 1 < cols && on(i + 1)) line += `M${x + 0.5} ${y + 0.5}h1`;
      if (on(i) && y + 1 < rows && on(i + cols)) line += `M${x + 0.5} ${y + 0.5}v1`;
      if (changedAt(frame, k, i)) ring += square(i, cols, px < 10 ? 0.05 : 0.14);
      if (!end(i)) return;
      const r = Math.max(0.4, (small ? 4.5 : 8) / px),
        [cx, cy] = [x + 0.5, y + 0.5],
        start = own(i) === "start";
      ends += start
        ? `<circle class="b-badge" cx="${cx}" cy="${cy}" r="${r}" stroke-width="${1 / px}"/>`
        : `<rect class="b-badge" x="${cx - r}" y="${cy - r}" width="${2 * r}" height="${2 * r}" stroke-width="${1 / px}"/>`;
      if (r * px >= 7)
        ends += `<text class="b-letter" x="${cx}" y="${cy + 0.03}" style="font-size:${1.35 * r}px">${start ? "S" : "G"}</text>`;
    });
    if (px >= 9)
      lines =
        Array.from({ length: cols - 1 }, (_, x) => `M${x + 1} 0v${rows}`).join("") +
        Array.from({ length: rows - 1 }, (_, y) => `M0 ${y + 1}h${cols}`).join("");
    const ground =
      layer("b-lines", lines, `stroke-width="${1 / px}"`) + layer("b-wall", walls, 'shape-rendering="crispEdges"');
    const marked =
      lit.map((d, n) => layer("b-lit", d, `opacity="${0.16 + 0.1 * n}" shape-rendering="crispEdges"`)).join("") +
      (px < 5 ? "" : layer("b-ring", ring, `stroke-width="${px < 10 ? 0.8 / px : 1.4 / px}"`));
    return ground + marked + layer("b-line", line, 'stroke-width="0.3"') + ends + crosses(answer.wrong, cols, px);
  }

  const shade = (n) =>
    `color-mix(in oklab, var(${n < SHADES / 2 ? "--low" : "--high"}) ${Math.round((100 * Math.abs(n - SHADES / 2)) / (SHADES / 2))}%, var(--mid))`;
  function heatLayers(frame, k, px) {
    const { cols } = frame.board,
      [low, high] = range(frame),
      cells = Array(SHADES + 1).fill("");
    let odd = "";
    for (let i = 0; i < size(frame); i++) {
      const value = valueAt(frame, frame.steps[k].values, i);
      if (value == null) odd += square(i, cols);
      else cells[Math.round(SHADES * Math.max(0, Math.min(1, (value - low) / (high - low))))] += square(i, cols);
    }
    return (
      cells.map((d, n) => layer("b-value", d, `style="fill:${shade(n)}" shape-rendering="crispEdges"`)).join("") +
      layer("b-odd", odd) +
      crosses(frame.steps[k].wrong, cols, px)
    );
  }

  const placeOf = (frame) => {
    const reach = frame.board.extent || 1;
    return (point) =>
      point &&
      [(SIDE / 2) * (1 + point[0] / reach), (SIDE / 2) * (1 - point[1] / reach)].map((v) =>
        Number(Math.max(-9 * SIDE, Math.min(9 * SIDE, v)).toFixed(1)),
      );
  };
  function planeLayers(frame, k, px, small, colors) {
    const place = placeOf(frame),
      S = frame.steps.length,
      way = Array.from({ length: S + 1 }, (_, s) => place(placeAt(frame, s - 1, 0))),
      aim = place(pointAt(frame.target)),
      unit = small ? 1.7 : 1;
    let arrows = "";
    for (let i = 1; i < count(frame); i++) {
      // where a companion was, and where it is
      const a = place(placeAt(frame, k - 1, i)),
        b = place(placeAt(frame, k, i)),
        long = distance(a, b);
      if (!a || !b) continue;
      const tip = Math.min(6 * unit, 0.5 * long) / (long || 1),
        [dx, dy] = [(a[0] - b[0]) * tip, (a[1] - b[1]) * tip],
        round = (x) => x.toFixed(1);
      arrows +=
        long < 2
          ? `M${b}h0`
          : `M${a}L${b}M${round(b[0] + dx - dy / 2)} ${round(b[1] + dy + dx / 2)}L${b}L${round(b[0] + dx + dy / 2)} ${round(b[1] + dy - dx / 2)}`;
    }
    const poly = (points) => (points.filter(Boolean).length > 1 ? `M${points.filter(Boolean).join("L")}` : ""),
      dots = [];
    for (let s = 0; s < (small ? k + 1 : S); s++) {
      if (!way[s + 1] || s === k) continue;
      dots.push([s, `r="${2.6 * unit}" opacity="${s > k ? 0.5 : 1}"`]);
    }
    if (way[k + 1]) dots.push([k, `r="${(small ? 4.5 : 5.5) * unit}"`]);
    const dot = ([s, more]) =>
      `<circle class="b-dot${s === k ? " now" : ""}" cx="${way[s + 1][0]}" cy="${way[s + 1][1]}" style="--light:${colors?.light?.[s] || "#4b5563"};--dark:${colors?.dark?.[s] || "#9ca3af"}" stroke-width="${1.5 * unit}" ${more}/>`;
    const axes = layer("b-lines", `M${SIDE / 2} 0v${SIDE}M0 ${SIDE / 2}h${SIDE}`, `stroke-width="${unit}"`),
      field = layer("b-arrow", arrows, `stroke-width="${1.3 * unit}"`);
    const ways =
      (small ? "" : layer("b-later", poly(way.slice(k + 1)), 'stroke-width="1.5"')) +
      layer("b-way", poly(way.slice(0, k + 2)), `stroke-width="${1.5 * unit}"`);
    const from = way[0]
      ? `<rect class="b-in" x="${way[0][0] - 4 * unit}" y="${way[0][1] - 4 * unit}" width="${8 * unit}" height="${8 * unit}" stroke-width="${unit}"/>`
      : "";
    const to = aim
      ? `<circle class="b-aim" cx="${aim[0]}" cy="${aim[1]}" r="${9 * unit}" stroke-width="${1.8 * unit}"/>`
      : "";
    const name =
      small || !way[k + 1]
        ? ""
        : `<text class="b-name" x="${way[k + 1][0] + 11}" y="${way[k + 1][1] - 7}" stroke-width="3">${k + (frame.counted ?? 0)}</text>`;
    const [x, y] =
      frame.steps[k].wrong?.length && way[k + 1] ? [way[k + 1][0] - 15 * unit, way[k + 1][1] - 13 * unit] : [];
    const cross =
      x == null ? "" : crossed(`M${x} ${y}l${7 * unit} ${7 * unit}m${-7 * unit} 0l${7 * unit} ${-7 * unit}`, 2 * unit);
    return axes + field + ways + from + to + dots.map(dot).join("") + cross + name;
  }
  const nearest = (frame, k, x, y) => {
    const place = placeOf(frame),
      ways = Array.from(
        { length: count(frame) },
        (_, i) => distance(place(placeAt(frame, k, i)), [x * SIDE, y * SIDE]) ?? SIDE,
      ),
      best = ways.indexOf(Math.min(...ways));
    return ways[best] < 14 ? best : null;
  };
  const around = (frame, k, i) => {
    const at = placeOf(frame)(placeAt(frame, k, i));
    return at ? `M${at[0] - 11} ${at[1]}a11 11 0 1 0 22 0a11 11 0 1 0 -22 0` : "";
  };

  // A node that holds the board of whatever frame it is given: { node, draw(frame, step, cursor, colors), at(event) }.
  function view(small = false) {
    const node = h("div", `bd${small ? " bd-small" : ""}`);
    let shape = "",
      picture = null,
      shown = [];
    function draw(frame, k, cursor = null, colors = null) {
      const { rows, cols, box } = frame.board,
        kind = kindOf(frame),
        wanted = JSON.stringify([kind, rows, cols, box, frame.board.sign]);
      if (wanted !== shape) {
        const [layers, at, spot] =
          {
            path: [pathLayers, cellAt, spotOf],
            heat: [heatLayers, cellAt, spotOf],
            plane: [planeLayers, nearest, around],
          }[kind] || [];
        picture = layers ? pictureOf(frame, small, layers, at, spot) : cellsOf(frame, small);
        node.replaceChildren(picture.node);
        node.style.setProperty("--w", `${Math.round(width(frame.board, small))}px`);
        [shape, shown] = [wanted, []];
      }
      if (shown[0] !== frame || shown[1] !== k || shown[2] !== colors) picture.draw(frame, k, colors);
      shown = [frame, k, colors];
      picture.point(cursor);
    }
    return { node, draw, at: (event) => picture?.at(event) ?? null };
  }
  return { width, least, view };
})();
