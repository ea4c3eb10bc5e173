"""A learner's page with nothing on it but media, to time how soon the other is seen."""

from __future__ import annotations

PAGE = """<!doctype html><title>room</title><video autoplay muted playsinline></video><script>
const video = document.querySelector('video');
let stream;
async function devices() {
  const video = {width: 640, height: 480, frameRate: 15};
  stream = await navigator.mediaDevices.getUserMedia({audio: true, video});
}
async function join(session, who, lines) {
  const began = performance.now();
  const shown = new Promise((resolve) => video.requestVideoFrameCallback((now) => resolve(now)));
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: 'max-bundle'});
  const remote = video.srcObject = new MediaStream();
  pc.ontrack = ({transceiver, track}) => {
    if (transceiver.mid === '1') remote.addTrack(track);
  };
  for (const [kind, direction] of lines) {
    const track = stream.getTracks().find((found) => found.kind === kind);
    const sends = direction === 'sendrecv';
    pc.addTransceiver(sends ? track : kind, {direction, streams: sends ? [stream] : []});
  }
  await pc.setLocalDescription();
  const answer = await fetch(`/${session}/${who}`, {method: 'POST', body: pc.localDescription.sdp});
  const answered = performance.now();
  await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
  return {answered: answered - began, frame: (await shown) - began};
}
function leave() {
  window.pc.close();
  video.srcObject = null;
}
</script>"""
