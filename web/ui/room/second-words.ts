// What the second camera's page says at every moment.

/** How the phone stands to the session. */
export type Place =
  | "connecting"
  | "lost"
  | "joined"
  /** Another phone has taken its place. */
  | "replaced"
  | "refused"
  | "over";

export interface Words {
  tone: "calm" | "good" | "warn";
  title: string;
  words: string;
}

/** `connected`: its media go to the server; `camera`: there is a picture to send. */
export function wordsOf(place: Place, connected: boolean, camera: boolean): Words {
  switch (place) {
    case "over":
      return {
        tone: "calm",
        title: "The session is over",
        words: "Thank you. The camera is off, and you may close this page.",
      };
    case "replaced":
      return {
        tone: "warn",
        title: "Another camera has taken over",
        words: "This phone's camera is off. You may close this page.",
      };
    case "refused":
      return {
        tone: "warn",
        title: "This phone is not connected any more",
        words:
          "To connect it again, press “Add a phone as second camera” on your first device, and " +
          "scan the new code. If your session is over, you may close this page.",
      };
    case "lost":
      return {
        tone: "warn",
        title: "Connection lost",
        words: "Trying again. You need not do anything.",
      };
    case "connecting":
      return { tone: "calm", title: "Connecting…", words: "This can take some seconds at sea." };
    case "joined":
  }
  if (!camera) {
    return { tone: "warn", title: "No picture yet", words: "Please allow the camera." };
  }
  return connected
    ? {
        tone: "good",
        title: "Second camera connected",
        words: "Your invigilator sees this picture. Go on with your session on your first device.",
      }
    : { tone: "calm", title: "Connecting the picture…", words: "You need not do anything." };
}
