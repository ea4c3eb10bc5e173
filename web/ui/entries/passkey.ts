// Asks the device for a passkey, to sign in or to make a new one, and sends what it says by the
// page's own form. Names of fields are those of WebAuthn level 3, 5.8; bytes go as base64url.

import { bootData, byId, setText } from "../lib/page";

interface Described {
  id: string;
  transports?: AuthenticatorTransport[];
}
interface Options {
  challenge: string;
  user?: { id: string; name: string; displayName: string };
  allowCredentials?: Described[];
  excludeCredentials?: Described[];
}

const boot = bootData<{ way: "get" | "create"; options: Options }>();
const form = byId<HTMLFormElement>("passkey");
const said = byId("passkey-said");
const button = form.querySelector("button") as HTMLButtonElement;

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function described(known: Described[] = []): PublicKeyCredentialDescriptor[] {
  return known.map((one) => ({ ...one, id: bytes(one.id), type: "public-key" }));
}

async function made(options: Options): Promise<object> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user?.id ?? "") },
    excludeCredentials: described(options.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions;
  const key = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const response = key.response as AuthenticatorAttestationResponse;
  return whole(key, {
    clientDataJSON: text(response.clientDataJSON),
    attestationObject: text(response.attestationObject),
    transports: response.getTransports?.() ?? [],
  });
}

async function signed(options: Options): Promise<object> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: described(options.allowCredentials),
  } as PublicKeyCredentialRequestOptions;
  const key = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const response = key.response as AuthenticatorAssertionResponse;
  return whole(key, {
    clientDataJSON: text(response.clientDataJSON),
    authenticatorData: text(response.authenticatorData),
    signature: text(response.signature),
  });
}

function whole(key: PublicKeyCredential, response: object): object {
  return { id: key.id, rawId: text(key.rawId), type: key.type, response };
}

/** What to do when the device gave no passkey. */
function words(error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "InvalidStateError":
      return "This device has a passkey for you already.";
    case "SecurityError":
      return "Passkeys do not work at this address. Use another way.";
    case "NotSupportedError":
      return "This device cannot make a passkey. Use another way.";
    default:
      return "Your device did not confirm. Press the button to try again, or use another way.";
  }
}

async function ask(): Promise<void> {
  button.disabled = true;
  setText(said, "");
  try {
    const key = await (boot.way === "create" ? made(boot.options) : signed(boot.options));
    (form.elements.namedItem("credential") as HTMLInputElement).value = JSON.stringify(key);
    form.submit();
  } catch (error) {
    setText(said, words(error));
    button.disabled = false;
  }
}

if ("PublicKeyCredential" in window) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void ask();
  });
} else {
  button.disabled = true;
  setText(said, "This browser knows no passkeys. Use another way.");
}
