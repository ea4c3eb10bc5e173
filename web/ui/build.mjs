// Bundles every page's script and style sheet into web/static, once for the browser and once each
// compressed as brotli and gzip, so that the server never compresses on the way.
//
//   entries/NAME.ts | NAME.tsx        -> web/static/NAME-HASH.js    an ES module: <script type="module">
//   styles/NAME.css (not _NAME.css)   -> web/static/NAME-HASH.css
//   web/static/manifest.json          {"NAME.js": "NAME-HASH.js", ...}, written last
//
// What a page needs later it loads by `import("../folder/part")`, a literal path: that makes
// NAME_part-HASH.js. What page and part share stays in the page's one script, from which the part
// takes it: a page is always one file, and a module is never there twice. (See parts.mjs.)
//
// A hash in the name changes with the content, so files may be cached for ever. `--check` builds
// and prints the sizes without writing anything.
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";
import { page } from "./parts.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static");
const target = ["es2022", "chrome110", "safari16"];

/** The files of one folder that are entries of their own; none when there is no such folder. */
async function entries(folder, endings) {
  const names = await readdir(join(here, folder)).catch(() => []);
  return names
    .filter((name) => !name.startsWith("_") && endings.some((ending) => name.endsWith(ending)))
    .filter((name) => !name.endsWith(".d.ts"))
    .sort()
    .map((name) => join(here, folder, name));
}

/** All style sheets, in memory: [{logical, name, bytes}]. */
async function sheets() {
  const result = await build({
    absWorkingDir: here,
    bundle: true,
    charset: "utf8",
    entryNames: "[name]-[hash]",
    entryPoints: await entries("styles", [".css"]),
    legalComments: "none",
    logLevel: "warning",
    minify: true,
    outdir: out,
    target,
    write: false,
  });
  return result.outputFiles.map((file) => {
    const name = basename(file.path);
    return { logical: name.replace(/-[A-Z0-9]{8}(\.\w+)$/, "$1"), name, bytes: file.contents };
  });
}

/** Every script and every style sheet. */
async function bundle() {
  const scripts = await entries("entries", [".ts", ".tsx"]);
  const pages = await Promise.all(scripts.map((entry) => page(entry, here, target)));
  return [...pages.flat(), ...(await sheets())];
}

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

async function compressed(file) {
  const br = await brotli(file.bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: file.bytes.length,
    },
  });
  return { ...file, br, gz: await zip(file.bytes, { level: 9 }) };
}

/** So long files of earlier builds stay: pages that are open load their later parts from them. */
const KEPT_MS = 24 * 3600 * 1000;

/** Writes the files, then the manifest that names them, then removes what is long out of date. */
async function write(files) {
  await mkdir(out, { recursive: true });
  const kept = new Set(["manifest.json"]);
  for (const file of files) {
    const variants = { "": file.bytes, ".br": file.br, ".gz": file.gz };
    for (const [ending, bytes] of Object.entries(variants)) {
      kept.add(file.name + ending);
      await writeFile(join(out, file.name + ending), bytes);
    }
  }
  const manifest = Object.fromEntries(files.map((file) => [file.logical, file.name]).sort());
  const draft = join(out, ".manifest.new");
  await writeFile(draft, JSON.stringify(manifest, null, 2) + "\n");
  await rename(draft, join(out, "manifest.json"));
  for (const name of await readdir(out)) {
    if (kept.has(name) || name.startsWith(".")) continue;
    // Each build writes its files anew: the time of a file is when it was last of use.
    const { mtimeMs } = await stat(join(out, name));
    if (Date.now() - mtimeMs > KEPT_MS) await rm(join(out, name), { recursive: true });
  }
}

const files = await Promise.all((await bundle()).map(compressed));
const twice = files.find((file, i) =>
  files.some((other, j) => j < i && other.logical === file.logical),
);
if (twice) {
  console.error(`Two sources make the same ${twice.logical}: rename one of them.`);
  process.exit(1);
}
if (!process.argv.includes("--check")) await write(files);
for (const file of files) {
  const size = (bytes) => String(bytes.length).padStart(8);
  console.log(
    `${file.logical.padEnd(24)}${size(file.bytes)}${size(file.gz)} gz${size(file.br)} br`,
  );
}
