// What the drawing modules share: LOOK and DARK (the page's colours as CSS variables; --cross: the sign of what is wrong),
// h, put, fill, percent, followTheme.

export const LOOK = `--fg: var(--body-text-color, var(--jp-ui-font-color1, #1f2937)); --mute: color-mix(in srgb, var(--fg) 68%, transparent);
  --line: var(--border-color-primary, var(--jp-border-color2, #dcd9d2)); --bad: #b91c1c; --wall: color-mix(in srgb, var(--fg) 82%, var(--bg)); --open: var(--bg);
  --low: #1f5fae; --mid: #f4f2ee; --high: #c2570c; --bg: var(--block-background-fill, var(--background-fill-primary, var(--jp-layout-color0, #fff)));
  --cross: linear-gradient(45deg, transparent calc(50% - var(--arm)), var(--bad) 0 calc(50% + var(--arm)), transparent 0),
    linear-gradient(-45deg, transparent calc(50% - var(--arm)), var(--bad) 0 calc(50% + var(--arm)), transparent 0);
  --arm: max(.7px, 8%); color: var(--fg); font: 14px/1.45 var(--font, var(--jp-ui-font-family, system-ui, sans-serif)); min-width: 0`;
export const DARK =
  "--bad: #fb7185; --wall: #06080b; --open: color-mix(in srgb, var(--fg) 20%, var(--bg)); --low: #5aa7f5; --mid: #22262d; --high: #f59e4b";

export const h = (tag, cls = "", ...children) => {
  const node = document.createElement(tag);
  if (cls) node.className = cls;
  node.append(...children);
  return node;
};
// A text of TEXTS with values in the place of {names}.
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
// A share (0 to 1) as text, by the rule of percent.py: whole between 1 and 98 %, with one digit more near the ends.
export const percent = (share) => {
  if (share == null || !Number.isFinite(share)) return "–";
  const tenths = Math.floor(1000 * share + 0.5);
  if (tenths === 0 && share > 0) return "< 0.1 %";
  if (tenths === 1000 && share < 1) return "> 99.9 %";
  if ((tenths > 0 && tenths < 10) || (tenths > 980 && tenths < 1000)) return `${(tenths / 10).toFixed(1)} %`;
  return `${Math.floor(100 * share + 0.5)} %`;
};
export const put = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

// Dark or light step colours are chosen by how bright the text is, whatever page we stand in.
export function followTheme(root) {
  const look = () => {
    const [r = 0, g = 0, b = 0] = (getComputedStyle(root).color.match(/[\d.]+/g) || []).map(Number);
    root.dataset.theme = 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "dark" : "light";
  };
  let timer = 0;
  const later = () => {
    look();
    clearTimeout(timer);
    timer = setTimeout(look, 350);
  }; // the page may fade its colours
  const mutations = new MutationObserver(later),
    sizes = new ResizeObserver(look); // sizes: el may be attached after render
  for (const node of [document.documentElement, document.body]) mutations.observe(node, { attributes: true });
  sizes.observe(root);
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", later);
  return () => {
    mutations.disconnect();
    sizes.disconnect();
    media.removeEventListener("change", later);
    clearTimeout(timer);
  };
}
