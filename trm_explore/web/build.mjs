// src/ -> dist/ (`make web`, for those who change JavaScript): alone/ has every drawing module whole, page/ the same
// modules with what they share in files of their own, sources.sha256 says of which sources they were made.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const sources = readdirSync(new URL("src", import.meta.url))
  .filter((name) => name.endsWith(".js"))
  .sort();
const read = (name) => readFileSync(new URL(`src/${name}`, import.meta.url));
const entryPoints = sources
  .filter((name) => /^export default/m.test(String(read(name))))
  .map((name) => `./src/${name}`);

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
    format: "esm",
    target: "es2022",
    outbase: "src",
    absWorkingDir: import.meta.dirname,
    ...how,
  });
}
const sums = sources.map((name) => `${createHash("sha256").update(read(name)).digest("hex")}  ${name}\n`);
writeFileSync(new URL("dist/sources.sha256", import.meta.url), sums.join(""));
