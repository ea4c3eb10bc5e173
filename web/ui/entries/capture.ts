// The guided capture, loaded by the room when it is needed.

export { Panel } from "../room/capture/panel";
