// src/ -> dist/ (`make web`, for those who change JavaScript): alone/ has every drawing module whole, page/ the same
// modules with what they share in files of their own, whole/ the scripts of report and site. dist/sha256 names each source, this script and each bundle with its
// digest, so that machines without node, too, see what was changed and not built, or built and then changed by hand.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const sources = readdirSync(new URL("src", import.meta.url))
  .filter((name) => name.endsWith(".js"))
  .sort();
const read = (name) => readFileSync(new URL(`src/${name}`, import.meta.url));
const entryPoints = sources
  .filter((name) => /^export default/m.test(String(read(name))))
  .map((name) => `./src/${name}`);

// `import source from "./NAME.js?text"`: that module whole, as the text of a script; what a worker runs is such a text.
const asText = {
  name: "text",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?text$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace(/\?text$/, "")),
      namespace: "text",
    }));
    onLoad({ filter: /.*/, namespace: "text" }, async ({ path }) => {
      const how = { bundle: true, minify: true, charset: "utf8", format: "iife", target: "es2022", write: false };
      const made = await build({ entryPoints: [path], ...how });
      return { contents: made.outputFiles[0].text, loader: "text" };
    });
  },
};

const dist = new URL("dist", import.meta.url);
rmSync(dist, { recursive: true, force: true });
for (const [outdir, splitting] of [
  ["dist/alone", false],
  ["dist/page", true],
]) {
  const how = { bundle: true, minify: true, charset: "utf8", legalComments: "none", logLevel: "warning" };
  await build({
    entryPoints,
    outdir,
    splitting,
    plugins: [asText],
    format: "esm",
    target: "es2022",
    outbase: "src",
    absWorkingDir: import.meta.dirname,
    ...how,
  });
}
// Pages that stand alone, one script each.
await build({
  entryPoints: ["./src/report.js", "./src/site.js"],
  outdir: "dist/whole",
  format: "iife",
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  target: "es2022",
  outbase: "src",
  absWorkingDir: import.meta.dirname,
  plugins: [asText],
});
const bundles = ["alone", "page", "whole"].flatMap((folder) =>
  readdirSync(new URL(`dist/${folder}`, import.meta.url)).map((name) => `dist/${folder}/${name}`),
);
const sums = ["build.mjs", ...bundles, ...sources.map((name) => `src/${name}`)].sort().map((path) => {
  const text = readFileSync(new URL(path, import.meta.url));
  return `${createHash("sha256").update(text).digest("hex")}  ${path}\n`;
});
writeFileSync(new URL("dist/sha256", import.meta.url), sums.join(""));
