// Runs modules of a page for the tests: bundles them, then answers one call a line of standard
// input, {"name", "arguments"}, with one line of JSON. Pixels come as {"width", "height", "base64"}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, ...modules] = process.argv.slice(2);
const { build } = createRequire(`${folder}/package.json`)("esbuild");

const result = await build({
  absWorkingDir: folder,
  bundle: true,
  format: "esm",
  logLevel: "error",
  stdin: {
    contents: modules.map((name) => `export * from "./${name}";`).join("\n"),
    loader: "ts",
    resolveDir: folder,
  },
  target: "es2022",
  write: false,
});
const source = Buffer.from(result.outputFiles[0].contents).toString("base64");
const capture = await import(`data:text/javascript;base64,${source}`);

/** The objects that a test holds between two calls, by the number it knows them by. */
const kept = new Map();

function given(value) {
  if (Array.isArray(value)) return value.map(given);
  if (value === null || typeof value !== "object") return value;
  if ("base64" in value) {
    const data = new Uint8ClampedArray(Buffer.from(value.base64, "base64"));
    return { width: value.width, height: value.height, data };
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, given(one)]));
}

function call({ name, of, made, value, arguments: all }) {
  if (value !== undefined) return capture[value];
  const values = all.map(given);
  if (made !== undefined) {
    kept.set(made, new capture[name](...values));
    return null;
  }
  if (of !== undefined) {
    const object = kept.get(of);
    return typeof object[name] === "function" ? object[name](...values) : object[name];
  }
  return capture[name](...values);
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { value: call(JSON.parse(line)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
