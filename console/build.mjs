// Builds the console into the package: `node build.mjs [DIRECTORY]`. The same sources give the same bytes.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? join(here, "../src/polyfeed/app/console/static");

await rm(out, { recursive: true, force: true });
await mkdir(join(out, "assets"), { recursive: true });

const result = await build({
  absWorkingDir: here,
  entryPoints: ["src/main.ts", "src/style.css"],
  outdir: join(out, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  minify: true,
  legalComments: "linked",
  charset: "utf8",
  metafile: true,
});

const made = {};
for (const [path, output] of Object.entries(result.metafile.outputs)) {
  if (output.entryPoint) made[output.entryPoint] = `/assets/${basename(path)}`;
}
const page = (await readFile(join(here, "index.html"), "utf8"))
  .replace("src/main.ts", made["src/main.ts"])
  .replace("src/style.css", made["src/style.css"]);
await writeFile(join(out, "index.html"), page);
await copyFile(join(here, "icon.svg"), join(out, "icon.svg"));
await writeFile(join(out, "licences.txt"), await licences());

/** What the bundle has of others. fancy-canvas has no licence file of its own, its package.json says MIT. */
async function licences() {
  const charts = await described("lightweight-charts");
  const canvas = await described("fancy-canvas");
  return [
    `The console contains ${charts.name} ${charts.version}, and as a part of it ${canvas.name} ${canvas.version}`,
    `(licence: ${canvas.license}, author: ${canvas.author}).\n`,
    "TradingView Lightweight Charts™\nCopyright (c) 2025 TradingView, Inc. https://www.tradingview.com/\n",
    await readFile(join(here, "node_modules/lightweight-charts/LICENSE"), "utf8"),
  ].join("\n");
}

async function described(name) {
  return JSON.parse(await readFile(join(here, "node_modules", name, "package.json"), "utf8"));
}
