// The other side's picture and voice, each in a player of its own.

/**
 * Plays what comes. A player of both is silent until the first picture has come, and a thin link is
 * sent none. `refused`: the browser wants a touch before it plays sound.
 */
export function present(
  main: MediaStream,
  video: HTMLVideoElement,
  voice: HTMLAudioElement,
  refused: () => void,
): void {
  video.srcObject = new MediaStream(main.getVideoTracks());
  voice.srcObject = new MediaStream(main.getAudioTracks());
  voice.play().catch((error: unknown) => {
    if (error instanceof Error && error.name === "NotAllowedError") refused();
  });
}
