// The media of one session in node, over peer connections that only keep their states, driven by a
// list of steps as JSON: ["revive"], ["lost"], ["state", PEER, STATE], ["answer"]. After each it
// prints one line: the states of all peer connections so far, and what the room was told last.
import { createRequire } from "node:module";

const [folder, steps] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);

const peers = [];
globalThis.window = globalThis;
globalThis.MediaStream = class {};
globalThis.RTCRtpReceiver = { getCapabilities: () => ({ codecs: [] }) };
globalThis.RTCPeerConnection = class extends EventTarget {
  connectionState = "new";
  signalingState = "stable";
  constructor() {
    super();
    peers.push(this);
  }
  addTransceiver(_, { direction }) {
    const sender = {
      replaceTrack: async () => undefined,
      getParameters: () => ({ encodings: [{}] }),
      setParameters: async () => undefined,
    };
    return { direction, sender, receiver: { track: {} } };
  }
  createOffer = async () => ({});
  setLocalDescription = async () => undefined;
  setRemoteDescription = async () => undefined;
  getStats = async () => new Map();
  localDescription = { sdp: "" };
  close() {
    this.connectionState = "closed";
  }
};

const { build } = require("esbuild");
const made = await build({
  absWorkingDir: folder,
  bundle: true,
  format: "esm",
  stdin: { contents: 'export * from "./lib/media-link";', loader: "ts", resolveDir: folder },
  target: "es2022",
  write: false,
});
const source = Buffer.from(made.outputFiles[0].contents).toString("base64");
const { MediaLink } = await import(`data:text/javascript;base64,${source}`);

let told = "";
let answer = () => undefined;
const link = new MediaLink({
  role: () => "learner",
  request: (event) =>
    event === "offer"
      ? new Promise((done) => (answer = () => done({ ok: true, sdp: "" })))
      : Promise.resolve({ ok: true }),
  iceServers: async () => [],
  inTurn: (work) => work(),
  unanswered: () => undefined,
  stirred: () => undefined,
  media: (media) => (told = media),
  remote: () => undefined,
});

const acts = {
  revive: () => link.revive(),
  lost: () => link.socketLost(),
  answer: () => answer(),
  state: (which, state) => {
    const peer = peers.at(which);
    peer.connectionState = state;
    peer.dispatchEvent(new Event("connectionstatechange"));
  },
};
for (const [act, ...given] of JSON.parse(steps)) {
  await acts[act](...given);
  await new Promise((done) => setTimeout(done, 5));
  console.log(JSON.stringify({ peers: peers.map((one) => one.connectionState), told }));
}
process.exit();
