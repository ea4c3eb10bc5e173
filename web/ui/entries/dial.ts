// Begins the connection to the room while the room's own script is still on its way: at sea the
// handshakes of both take seconds. lib/socket.ts takes it over. Nothing is said over it yet.

import type { Dialled } from "../lib/socket";

function dial(path: string): WebSocket {
  const url = new URL(`${path}/?EIO=4&transport=websocket`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return new WebSocket(url);
}

(window as Dialled).dialled = dial(document.currentScript?.dataset.path ?? "");
