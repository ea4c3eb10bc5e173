// Runs the browser's verifier for the tests: bundles it, then answers one call a line of standard
// input, {"call", "file", "keys", "now"} (files as base64, milliseconds), with one line of JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder] = process.argv.slice(2);
const { build } = createRequire(`${folder}/package.json`)("esbuild");
const MODULES = ["verify", "keys", "json", "facts", "merkle", "bytes"];

const result = await build({
  absWorkingDir: folder,
  bundle: true,
  format: "esm",
  logLevel: "error",
  stdin: {
    contents: MODULES.map((name) => `export * from "./verify/${name}";`).join("\n"),
    loader: "ts",
    resolveDir: folder,
  },
  target: "es2022",
  write: false,
});
const source = Buffer.from(result.outputFiles[0].contents).toString("base64");
const code = await import(`data:text/javascript;base64,${source}`);

const bytes = (base64) => new Uint8Array(Buffer.from(base64, "base64"));

const CALLS = {
  async verify({ file, keys, now }) {
    const trusted = await code.readKeys(bytes(keys));
    const verdict = await code.verify(new Blob([bytes(file)]), trusted, now);
    const { steps, ok, bare, claims, texts, pieces, report, events } = verdict;
    return {
      steps,
      ok,
      bare,
      texts: [...(texts?.values() ?? [])],
      pieces: Object.fromEntries(pieces.map(({ id, kind, media }) => [id, media || kind])),
      lacks: Object.fromEntries(pieces.flatMap(({ id, lacks }) => (lacks ? [[id, lacks]] : []))),
      report: report !== null,
      facts: claims ? code.factsOf(claims, texts) : [],
      happened: code.happenings(events, texts).map(({ words }) => words),
    };
  },
  async keys({ keys }) {
    const trusted = await code.readKeys(bytes(keys));
    return [...trusted.values()].map(({ id, from, until }) => ({ id, from, until }));
  },
  canonical: ({ text }) => code.canonical(code.parseJson(bytes(text))),
  async root({ leaf, index, size, path }) {
    const steps = path.map(code.fromHex);
    return code.hexOf(await code.rootOf(code.fromHex(leaf), index, size, steps));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const { call, ...given } = JSON.parse(line);
    answer = { value: (await CALLS[call](given)) ?? null };
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
