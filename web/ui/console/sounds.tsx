// The learners' voices: one in full, the others not at all or quietly.

import { Fragment } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { MIX_VOLUME, type Desk } from "./desk";
import { PiecesVoice } from "./stills";

export function Sounds({ desk }: { desk: Desk }) {
  return (
    <div class="voices">
      {desk.tiles().map((room) => {
        if (!room.live) return null;
        const volume = room.session === desk.focus ? 1 : desk.mix ? MIX_VOLUME : 0;
        return (
          <Fragment key={room.session}>
            {room.voice && <Voice desk={desk} stream={room.voice} volume={volume} />}
            <PiecesVoice room={room} volume={volume} />
          </Fragment>
        );
      })}
      {desk.silent && (
        <button type="button" class="button sound" onClick={() => play(desk)}>
          Turn on the sound
        </button>
      )}
    </div>
  );
}

function Voice({ desk, stream, volume }: { desk: Desk; stream: MediaStream; volume: number }) {
  const audio = useRef<HTMLAudioElement>(null);
  useEffect(() => {
    if (audio.current) audio.current.srcObject = stream;
  }, [stream]);
  useEffect(() => {
    const element = audio.current;
    if (!element) return;
    element.volume = volume;
    element.muted = volume === 0;
    element.play().catch((error: unknown) => {
      const refused = error instanceof Error && error.name === "NotAllowedError";
      if (refused) desk.set({ silent: true });
    });
  }, [stream, volume]);
  return <audio ref={audio} />;
}

function play(desk: Desk): void {
  desk.set({ silent: false });
  for (const audio of document.querySelectorAll("audio")) void audio.play();
}
