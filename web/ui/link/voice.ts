// How thin a voice is sent, told to the browser by way of the answer it got from the server: what
// the answer says of its Opus is what this side sends (RFC 7587, 7). No round trip is needed.

import type { Voice } from "./rungs";

/** The answer with the voice and the first bitrate of pictures that are wanted on this side. */
export function tuned(sdp: string, voice: Voice | null, startKbit: number): string {
  const [head = "", ...media] = sdp.split(/^(?=m=)/m);
  return (
    head +
    media
      .map((part) => {
        if (part.startsWith("m=audio")) return voice ? spoken(part, voice) : part;
        return startKbit > 0 ? started(part, startKbit) : part;
      })
      .join("")
  );
}

function spoken(part: string, { kbit, ptime, dtx }: Voice): string {
  const payload = /^a=rtpmap:(\d+) opus\//im.exec(part)?.[1];
  if (!payload) return part;
  const wanted = {
    minptime: 10,
    useinbandfec: 1,
    usedtx: dtx ? 1 : 0,
    maxaveragebitrate: kbit * 1000,
    // A narrow voice keeps to what carries words.
    ...(kbit <= 16 ? { maxplaybackrate: 16_000, stereo: 0 } : {}),
  };
  const line = Object.entries(wanted).map(([name, value]) => `${name}=${value}`);
  const kept = part.replace(new RegExp(`^a=(fmtp:${payload} |(max)?ptime:).*\\r?\\n`, "gm"), "");
  return ended(kept) + `a=fmtp:${payload} ${line.join(";")}\r\na=ptime:${ptime}\r\n`;
}

/** Browsers made of Chromium begin with 300 kbit/s, which fills a thin link for seconds. */
function started(part: string, kbit: number): string {
  const payload = /^a=rtpmap:(\d+) (?!rtx)/im.exec(part)?.[1];
  if (!payload) return part;
  const wanted = `x-google-start-bitrate=${kbit}`;
  const known = new RegExp(`^a=fmtp:${payload} [^\\r\\n]*`, "m");
  if (known.test(part)) return part.replace(known, (line) => `${line};${wanted}`);
  return ended(part) + `a=fmtp:${payload} ${wanted}\r\n`;
}

const ended = (part: string): string => (part.endsWith("\n") ? part : `${part}\r\n`);
