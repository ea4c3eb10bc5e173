// One page's script and the parts that it loads later.
//
// esbuild puts what a page and its parts share into a third file, which the page would have to wait
// for: one more round trip, a second at sea. So it is bundled twice: first apart, then the shared
// pieces into the page's own file, which hands them on to the parts by further exports. So a page
// may not `await import()` at its top level: the part would wait for the page, and it for the part.
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { build, transform } from "esbuild";

/** What the parts import from until the names are known; no module has such a path. */
const MARK = "./__NAME__";

/** A page and its parts, in memory: [{logical, name, bytes}]; of a style sheet it imports, too. */
export async function page(entry, folder, target) {
  const apart = await build({
    absWorkingDir: folder,
    bundle: true,
    charset: "utf8",
    chunkNames: "[name]-[hash]",
    define: { "process.env.NODE_ENV": '"production"' },
    entryPoints: [entry],
    format: "esm",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
    outdir: folder,
    splitting: true,
    target,
    write: false,
  });
  const stem = basename(entry).replace(/\.tsx?$/, "");
  const pieces = piecesOf(apart, stem);
  const bundled = new Map();
  for (const piece of pieces.files) bundled.set(piece, await joined(piece, pieces, target));
  const style = apart.outputFiles.find(({ path }) => path.endsWith(".css"));
  const sheet = style && (await transform(style.text, { loader: "css", minify: true, target }));
  return [...named(bundled, pieces, stem), ...(sheet ? [hashed(`${stem}.css`, sheet.code)] : [])];
}

/** What came of the first bundling: its texts, which of them become files, which are shared. */
function piecesOf({ outputFiles, metafile }, stem) {
  const outputs = new Map(
    Object.entries(metafile.outputs).map(([path, about]) => [basename(path), about]),
  );
  const texts = new Map(outputFiles.map(({ path, text }) => [basename(path), text]));
  const main = `${stem}.js`;
  const shared = new Set();
  const follow = (name) => {
    for (const { path, kind } of outputs.get(name).imports) {
      const next = basename(path);
      if (kind !== "import-statement" || shared.has(next)) continue;
      shared.add(next);
      follow(next);
    }
  };
  follow(main);
  const scripts = [...texts.keys()].filter((name) => name.endsWith(".js"));
  return {
    main,
    shared: [...shared].sort(),
    exports: (name) => outputs.get(name).exports,
    files: [main, ...scripts.filter((name) => name !== main && !shared.has(name)).sort()],
    texts,
  };
}

/** The text of one file to be, in which other files are named by marks. */
async function joined(name, pieces, target) {
  const fromShared = (i) => pieces.exports(pieces.shared[i]).map((what) => [what, `${what}_${i}`]);
  const handedOn = pieces.shared.map((shared, i) => {
    const list = fromShared(i).map(([what, as]) => `${what} as ${as}`);
    return pieces.files.length > 1 ? `export {${list.join()}} from "./${shared}";` : "";
  });
  const fallback = pieces.exports(name).includes("default")
    ? [`export { default } from "./${name}";`]
    : [];
  const start =
    name === pieces.main
      ? [`export * from "./${name}";`, ...handedOn].join("\n")
      : [`export * from "./${name}";`, ...fallback].join("\n");
  const result = await build({
    bundle: true,
    charset: "utf8",
    format: "esm",
    legalComments: "none",
    logLevel: "warning",
    minify: true,
    plugins: [
      {
        name: "pieces",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /.*/ }, ({ path }) => {
            const wanted = basename(path);
            if (path.startsWith(MARK)) return { path, external: true };
            const i = pieces.shared.indexOf(wanted);
            if (name !== pieces.main && i >= 0) return { path: String(i), namespace: "handed-on" };
            if (wanted === name || i >= 0) return { path: wanted, namespace: "piece" };
            return { path: `${MARK}${pieces.files.indexOf(wanted)}`, external: true };
          });
          onLoad({ filter: /.*/, namespace: "piece" }, ({ path }) => ({
            contents: pieces.texts.get(path),
          }));
          onLoad({ filter: /.*/, namespace: "handed-on" }, ({ path: i }) => {
            const list = fromShared(Number(i)).map(([what, as]) => `${as} as ${what}`);
            return { contents: `export {${list.join()}} from "${MARK}0";` };
          });
        },
      },
    ],
    stdin: { contents: start },
    target,
    write: false,
  });
  return result.outputFiles[0].text;
}

/** Gives the files their names. They name one another, so all hold one hash, that of them all. */
function named(bundled, pieces, stem) {
  const digest = hash([...bundled.values()].join("\n"));
  // What several parts share and the page does not comes without a name worth having.
  const part = (name, i) => name.replace(/-[A-Z0-9]{8}\.js$/, "").replace(/^chunk$/, `shared${i}`);
  const logical = pieces.files.map((name, i) =>
    name === pieces.main ? name : `${stem}_${part(name, i)}.js`,
  );
  const names = logical.map((name) => name.replace(/\.js$/, `-${digest}.js`));
  return pieces.files.map((piece, i) => ({
    logical: logical[i],
    name: names[i],
    bytes: Buffer.from(
      bundled.get(piece).replace(/\.\/__NAME__(\d+)/g, (_, which) => `./${names[Number(which)]}`),
    ),
  }));
}

function hashed(logical, text) {
  const name = logical.replace(/(\.\w+)$/, `-${hash(text)}$1`);
  return { logical, name, bytes: Buffer.from(text) };
}

function hash(text) {
  const digest = createHash("sha256").update(text).digest("hex");
  return digest.slice(0, 8).toUpperCase();
}
