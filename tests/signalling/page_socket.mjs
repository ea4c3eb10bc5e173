// The page's own client in node, driven by a test: URL, ORIGIN and a list of steps as JSON. Prints
// one line of JSON for each step: ["dial"], ["enter", TICKET], ["ask", EVENT, BODY],
// ["burst", TICKET, [[EVENT, BODY]...]], ["next", EVENT], ["entered"], ["gone"].
import { createRequire } from "node:module";

const [folder, url, origin, steps] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const Plain = require("ws");

globalThis.window = globalThis;
globalThis.navigator ??= { userAgent: "" };
globalThis.location = { href: url };
globalThis.WebSocket = class extends Plain {
  constructor(address) {
    super(address, { headers: { Origin: origin } });
  }
};

const { build } = require("esbuild");
const made = await build({
  absWorkingDir: folder,
  bundle: true,
  format: "esm",
  stdin: { contents: 'export * from "./lib/socket";', loader: "ts", resolveDir: folder },
  target: "es2022",
  write: false,
});
const source = Buffer.from(made.outputFiles[0].contents).toString("base64");
const { Dial } = await import(`data:text/javascript;base64,${source}`);

let socket = null;
const came = {};

function listen(event) {
  came[event] = [];
  socket.on(event, (body) => came[event].push(body));
}

async function next(event) {
  while (!came[event].length) await new Promise((done) => setTimeout(done, 10));
  return came[event].shift();
}

const does = {
  async dial() {
    socket = await new Dial({ socket_path: "/room/socket" }, 0).done;
    for (const event of ["state", "draining"]) if (socket) listen(event);
    return socket !== null;
  },
  enter: (ticket) => socket.enter(ticket),
  burst(ticket, messages) {
    socket.enter(ticket);
    return Promise.all(messages.map(([event, body]) => socket.ask(event, body, 5000)));
  },
  ask: (event, body) => socket.ask(event, body, 5000),
  next,
  entered: () => socket.entered.then(() => "yes").catch((error) => error.message),
  gone: () => socket.gone.then(() => socket.alive),
};

for (const [name, ...rest] of JSON.parse(steps)) {
  console.log(JSON.stringify((await does[name](...rest)) ?? null));
}
process.exit(0);
