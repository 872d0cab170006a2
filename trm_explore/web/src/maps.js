// Two more charts in the manner of charts.js: points and ways in a plane, and a map of numbers.
//
// maps.plane({ title, empty, tools, height }) -> a chart. set({ cloud: [[x, y]], ways: [{ name, label, color, points: [[x, y]], bold, dash, marker, colors }],
//   step, x, y, head })   cloud: pale dots behind. colors: { light: [], dark: [] }, one a point (such as the steps'). step: the point of every way that is
//   filled and large. x, y: names of the axes. head: (n, k) => the hover card's line. One scale for both axes, so that distances are true.
//   Keys: left and right along a way, up and down to another; onpick(n, k) by click or Enter.
// maps.heat({ title, empty, tools, height }) -> a chart. set({ values, rows, cols, low, high, color: {light, dark}, head, chosen })   values: row by row, null
//   is left open; low is the card's own colour, high is `color` (default: range of the values). texts: what stands in the cells. head: (row, col, value) => the card's line; chosen:
//   [row, col], framed. Keys: arrows; onpick(row, col) by click or Enter.

import { fill, h } from "./common.js";
import { charts } from "./charts.js";

export const maps = (() => {
  const say = (x) => charts.number(x).replace("-", "−");

  // Mouse, keys and picking are the same for both: `places` says what can be pointed at.
  function pointed(c, { at, walk, first }) {
    let cursor = null;
    const move = (next, spoken) => {
      cursor = next;
      c.speak(spoken);
      c.ask();
    };
    const under = (event) => {
      const box = c.canvas.getBoundingClientRect();
      return at(event.clientX - box.left, event.clientY - box.top);
    };
    c.canvas.addEventListener("pointermove", (event) => move(under(event)));
    c.canvas.addEventListener("pointerleave", () => move(null));
    c.canvas.addEventListener("blur", () => move(null));
    c.canvas.addEventListener("click", (event) => {
      const found = under(event);
      move(found);
      if (found) c.onpick?.(...found);
    });
    c.canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const way = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (way) move(cursor ? walk(cursor, ...way) : first(), true);
      else if (event.key === "Escape") move(null);
      else if (event.key === "Enter" && cursor) c.onpick?.(...cursor);
      else return;
      event.preventDefault();
    });
    c.leave = () => {
      cursor = null;
    };
    return { get: () => cursor };
  }

  function plane(parts) {
    const c = charts.base({ height: 300, ...parts });
    let spec = { ways: [] },
      places = [];
    const clamp = (k, list) => Math.max(0, Math.min(list.length - 1, k));
    const cursor = pointed(c, {
      at: (x, y) => {
        let best = null,
          least = 26;
        places.forEach((way, n) =>
          way.forEach(([px, py], k) => {
            const far = Math.hypot(px - x, py - y);
            if (far < least) [best, least] = [[n, k], far];
          }),
        );
        return best;
      },
      walk: ([n, k], down, right) => {
        const m = clamp(n + down, places);
        return [m, clamp(k + right, places[m])];
      },
      first: () => (places[0]?.length ? [0, 0] : null),
    });
    c.set = (fresh) => {
      spec = { cloud: [], step: null, x: "", y: "", ...fresh };
    };
    c.draw = (dark) => {
      const { cloud = [], ways } = spec,
        all = [...cloud, ...ways.flatMap((way) => way.points)],
        theme = dark ? "dark" : "light";
      c.empty.hidden = all.length > 0;
      c.canvas.setAttribute(
        "aria-label",
        `${c.title.textContent}: ` +
          (all.length
            ? ways
                .map((way) =>
                  fill(TEXTS.maps.ends, {
                    name: way.name,
                    x: say(way.points.at(-1)?.[0]),
                    y: say(way.points.at(-1)?.[1]),
                  }),
                )
                .join("; ")
            : c.empty.textContent),
      );
      const sheet = c.sheet();
      if (!sheet) return;
      const { g, W, H, fg } = sheet;
      c.tip.hidden = true;
      places = [];
      if (!all.length) return;
      const box = { left: 16, right: W - 44, top: 14, bottom: H - 26 },
        range = (i) => [Math.min(...all.map((p) => p[i])), Math.max(...all.map((p) => p[i]))];
      const [[x0, x1], [y0, y1]] = [range(0), range(1)],
        scale = Math.min((box.right - box.left) / (x1 - x0 || 1), (box.bottom - box.top) / (y1 - y0 || 1));
      const to = ([x, y]) => [
        (box.left + box.right) / 2 + (x - (x0 + x1) / 2) * scale,
        (box.top + box.bottom) / 2 - (y - (y0 + y1) / 2) * scale,
      ];
      places = ways.map((way) => way.points.map(to));
      g.strokeStyle = g.fillStyle = fg;
      g.globalAlpha = 0.14;
      g.strokeRect(0.5, 0.5, W - 1, H - 20);
      for (const point of cloud) {
        const [x, y] = to(point);
        g.beginPath();
        g.arc(x, y, 2, 0, 7);
        g.fill();
      }
      g.globalAlpha = 0.72;
      g.textAlign = "center";
      g.fillText([spec.x, spec.y && `↑ ${spec.y}`].filter(Boolean).join("    "), W / 2, H - 8);
      g.textAlign = "left";
      ways.forEach((way, n) => {
        const color = (k) => way.colors?.[theme]?.[k] ?? way.color?.[theme] ?? fg;
        g.globalAlpha = way.bold ? 1 : 0.75;
        g.setLineDash(way.dash ?? []);
        places[n].forEach(([x, y], k) => {
          if (!k) return;
          g.strokeStyle = color(k);
          g.lineWidth = way.bold ? 2.4 : 1.3;
          g.beginPath();
          g.moveTo(...places[n][k - 1]);
          g.lineTo(x, y);
          g.stroke();
        });
        g.setLineDash([]);
        places[n].forEach(([x, y], k) => {
          g.fillStyle = color(k);
          g.beginPath();
          g.arc(x, y, k === spec.step ? 6 : k ? 3 : 2, 0, 7);
          g.fill();
        });
        g.fillStyle = fg;
        const end = places[n].at(-1);
        if (end && (way.label ?? way.name)) g.fillText(way.label ?? way.name, end[0] + 9, end[1]);
      });
      g.globalAlpha = 1;
      const [n, k] = cursor.get() ?? [],
        way = ways[n],
        place = places[n]?.[k];
      if (!place) return;
      g.strokeStyle = fg;
      g.lineWidth = 1.5;
      g.beginPath();
      g.arc(...place, 9, 0, 7);
      g.stroke();
      c.show(
        place[0],
        W,
        h("div", "", spec.head?.(n, k) ?? `${way.name}, step ${k}: ${way.points[k].map(say).join(", ")}`),
      );
    };
    return c;
  }

  function heat(parts) {
    const c = charts.base({ height: 300, ...parts });
    let spec = { rows: 0, cols: 0, values: [] },
      side = 0,
      left = 0;
    const inside = (row, col) => row >= 0 && col >= 0 && row < spec.rows && col < spec.cols;
    const cursor = pointed(c, {
      at: (x, y) => {
        const [row, col] = [Math.floor(y / side), Math.floor((x - left) / side)];
        return inside(row, col) ? [row, col] : null;
      },
      walk: ([row, col], down, right) => (inside(row + down, col + right) ? [row + down, col + right] : [row, col]),
      first: () => (spec.rows && spec.cols ? [0, 0] : null),
    });
    c.set = (fresh) => {
      spec = { chosen: null, ...fresh };
    };
    c.draw = (dark) => {
      const { rows, cols, values } = spec,
        known = values.filter((v) => v != null && Number.isFinite(v));
      c.empty.hidden = known.length > 0;
      const low = spec.low ?? Math.min(...known),
        high = Math.max(spec.high ?? Math.max(...known), low + 1e-12);
      const top = values.indexOf(Math.max(...known));
      c.canvas.setAttribute(
        "aria-label",
        `${c.title.textContent}: ` +
          (known.length
            ? fill(TEXTS.maps.heat, {
                rows,
                cols,
                low: say(low),
                high: say(high),
                row: Math.floor(top / cols) + 1,
                col: (top % cols) + 1,
              })
            : c.empty.textContent),
      );
      const sheet = c.sheet();
      if (!sheet) return;
      const { g, W, H, fg } = sheet,
        color = spec.color?.[dark ? "dark" : "light"] ?? fg;
      c.tip.hidden = true;
      if (!known.length) return;
      side = Math.min(W / cols, H / rows);
      left = (W - side * cols) / 2;
      g.fillStyle = color;
      values.forEach((v, i) => {
        if (v == null || !Number.isFinite(v)) return;
        g.globalAlpha = Math.max(0, Math.min(1, (v - low) / (high - low)));
        g.fillRect(
          left + side * (i % cols),
          side * Math.floor(i / cols),
          side - (side > 8 ? 1 : 0),
          side - (side > 8 ? 1 : 0),
        );
      });
      if (spec.texts && side > 20) {
        // readable on any colour: on a strong one in the card's own colour
        g.globalAlpha = 1;
        g.textAlign = "center";
        const back = getComputedStyle(c.node).backgroundColor;
        spec.texts.forEach((text, i) => {
          g.fillStyle = Number.isFinite(values[i]) && (values[i] - low) / (high - low) > 0.55 ? back : fg;
          if (text) g.fillText(text, left + side * ((i % cols) + 0.5), side * (Math.floor(i / cols) + 0.5));
        });
      }
      const frame = ([row, col], width) => {
        g.globalAlpha = 1;
        g.strokeStyle = fg;
        g.lineWidth = width;
        g.strokeRect(left + side * col, side * row, side, side);
      };
      g.globalAlpha = 0.3;
      g.strokeStyle = fg;
      g.lineWidth = 1;
      g.strokeRect(left + 0.5, 0.5, side * cols - 1, side * rows - 1);
      if (spec.chosen) frame(spec.chosen, 2.5);
      const here = cursor.get();
      if (!here || !inside(...here)) return;
      frame(here, 1.5);
      const value = values[here[0] * cols + here[1]];
      c.show(
        left + side * (here[1] + 1),
        W,
        h("div", "", spec.head?.(...here, value) ?? `row ${here[0] + 1}, column ${here[1] + 1}: ${say(value)}`),
      );
    };
    return c;
  }
  return { plane, heat };
})();
