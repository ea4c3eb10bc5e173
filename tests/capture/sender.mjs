// Has a page send one picture to a service that has no room at first; prints what it asked and kept.
import { createRequire } from "node:module";

const [folder, times] = process.argv.slice(2);
const { build } = createRequire(`${folder}/package.json`)("esbuild");
const result = await build({
  absWorkingDir: folder,
  bundle: true,
  entryPoints: ["room/capture/send.ts"],
  format: "esm",
  logLevel: "error",
  target: "es2022",
  write: false,
});
globalThis.document = { querySelector: () => null };
globalThis.addEventListener = () => undefined;
globalThis.window = { dispatchEvent: () => true };
globalThis.localStorage = { getItem: () => null, setItem: () => undefined };

let full = Number(times);
const asked = [];
globalThis.fetch = async (url, { method }) => {
  asked.push(`${method} ${url}`);
  const said = url.endsWith("/finish")
    ? full-- > 0
      ? { evidence: null, later: 0.01 }
      : { evidence: "ev_1" }
    : method === "PUT"
      ? { have: 3 }
      : { capture: "cp_1", chunk: 32768, have: [0], evidence: null };
  return { ok: true, status: 200, json: async () => said };
};

const { Sender } = await import(
  `data:text/javascript;base64,${Buffer.from(result.outputFiles[0].contents).toString("base64")}`
);
const parts = [{ sha256: "ab", size: 3 }];
const waiting = [{ session: "se_1", side: "front", parts, blobs: [new Blob(["one"])], at: 1 }];
const dropped = [];
const keep = {
  of: async () => [...waiting],
  drop: async (one) => void dropped.push(asked.length, waiting.splice(waiting.indexOf(one), 1)),
};
const standings = new Set();
const done = [];
const sender = new Sender(
  "/c",
  "se_1",
  keep,
  () => standings.add(sender.standing),
  () => done.push(1),
);
await sender.run();
const [at] = dropped;
const found = { asked, at, done: done.length, standings: [...standings] };
process.stdout.write(JSON.stringify(found), () => process.exit());
