// What was read, how it stands to the booking, and what else may be worth a look.

import type { DocumentKind, Finding, Grade, Identity, Likeness } from "../lib/protocol";

export const DOCUMENTS: Record<DocumentKind, string> = {
  passport: "Passport",
  identity_card: "Identity card",
  driving_licence: "Driving licence",
  seamans_book: "Seaman's book",
  other: "Other document",
};

const FIELDS: Record<Finding["field"], string> = {
  name: "Name",
  born: "Born",
  number: "Number",
  expires: "Expires",
  issuer: "From",
};
const GRADES: Record<Grade, { words: string; mark: string; weight: number }> = {
  differs: { words: "Differs", mark: "", weight: 0 },
  explained: { words: "Explained", mark: "", weight: 1 },
  same: { words: "Same", mark: "✓", weight: 2 },
  unknown: { words: "Nothing to compare with", mark: "–", weight: 3 },
};
/** What a booking can say something of. */
const BOOKED = new Set<Finding["field"]>(["name", "born", "number"]);
const TAGS: Partial<Record<Grade, string>> = { differs: "tag--bad", explained: "tag--warn" };

/** The grade in the words that suit the field: nobody's expiry or state is "the same". */
function gradeOf({ field, grade }: Finding): string {
  if (field === "expires" && grade === "same") return "Valid";
  if (field === "expires" && grade === "differs") return "Expired";
  if (field === "issuer" && grade === "same") return "Known";
  if (field === "issuer" && grade === "differs") return "Not known";
  return GRADES[grade].words;
}

/** A day with its month in three letters, "3 Nov 2026"; any other text as it is. */
function plain(text: string): string {
  return text.replace(/^(\d{1,2} [A-Z][a-z]{2})[a-z]* (\d{4})$/, "$1 $2");
}

/** "3 Nov 2026" of "2026-11-03". */
function dayOf(iso: string): string {
  const form = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" } as const;
  return new Date(`${iso}T00:00:00Z`).toLocaleDateString("en-GB", form);
}

/** The comparison, worst first: a difference says all of itself, the rest stands close. */
export function Findings({ identity }: { identity: Identity }) {
  if (!identity.findings.length) return null;
  const sorted = [...identity.findings].sort(
    (a, b) => GRADES[a.grade].weight - GRADES[b.grade].weight,
  );
  return (
    <ul class="findings" aria-label="The document beside the booking">
      {sorted.map((one) => (
        <One key={one.field} one={one} />
      ))}
    </ul>
  );
}

/** What the document says; a country's name is easier to read than its code. */
function shownOf({ field, grade, said, known }: Finding): string {
  if (field === "issuer" && grade === "same" && known) return known;
  return plain(said) || "not read";
}

function One({ one }: { one: Finding }) {
  const { field, grade, said, known, words } = one;
  const tag = TAGS[grade];
  return (
    <li class={`finding finding--${grade} finding--${field}`}>
      <span class="what">{FIELDS[field]}</span>
      <span class="said">{shownOf(one)}</span>
      {tag ? (
        <span class={`tag ${tag}`}>{gradeOf(one)}</span>
      ) : (
        <span class="mark-of" title={words || gradeOf(one)}>
          <span aria-hidden="true">{GRADES[grade].mark}</span>
          <span class="visually-hidden">{gradeOf(one)}</span>
        </span>
      )}
      {tag && (
        <span class="why">
          {BOOKED.has(field) && known && known !== said && `Booking: ${plain(known)}. `}
          {words}
        </span>
      )}
    </li>
  );
}

/** How the reading came about, in a few words. */
export function ReadingLine({ identity }: { identity: Identity }) {
  const { reading, kind, document } = identity;
  const name = kind ? DOCUMENTS[kind] : "Document";
  if (!reading) {
    if (!document) return kind ? <p class="small soft reading">{name}.</p> : null;
    const words = "not read by machine so far. You can type what it says.";
    return <p class="small soft reading">{`${name}, ${words}`}</p>;
  }
  if (reading.source === "typed") return <p class="small soft reading">{name}, typed by eye.</p>;
  const { images, agreed, check_digits_right } = reading;
  return (
    <p class="small soft reading">
      {images > 1
        ? `${name}. ${agreed} of ${images} readings agree. `
        : `${name}, read by machine. `}
      {!check_digits_right && <strong class="doubt">Its check digits do not add up.</strong>}
    </p>
  );
}

/** What may be worth a look. None of it says that somebody did wrong. */
export function Hints({ identity }: { identity: Identity }) {
  if (!identity.hints.length) return null;
  return (
    <ul class="hints notice notice--warn small" aria-label="Hints">
      {identity.hints.map(({ kind, words }) => (
        <li key={kind + words}>
          <strong>A hint, no proof:</strong> {words}
        </li>
      ))}
    </ul>
  );
}

/** The computed likeness with its meaning, or why there is none. */
export function LikenessLine({ identity }: { identity: Identity }) {
  const { likeness, likeness_consent, document, face } = identity;
  if (!document || !face) return null;
  if (!likeness) {
    return (
      <p class="small soft likeness">
        {likeness_consent
          ? "Likeness not computed so far, or no face was found."
          : "Likeness not computed (off, or no consent)."}
      </p>
    );
  }
  return (
    <p class="small likeness">
      <strong>{meaning(likeness)}</strong>{" "}
      <span class="soft">
        {likeness.calibrated
          ? `${likeness.engine}, measured on ${dayOf(likeness.calibrated)}. You decide.`
          : `${likeness.engine}. You decide.`}
      </span>
    </p>
  );
}

/** "2 in 1,000 pairs of different people look as alike as these two, or more." */
function meaning({ one_in, score }: Likeness): string {
  if (one_in === null) {
    return `Computed likeness ${score.toFixed(2)}. What that means was never measured here.`;
  }
  if (one_in > 1000) {
    return `Fewer than 1 in ${(1000).toLocaleString("en-GB")} pairs of different people score this high.`;
  }
  const [share, of] = one_in > 100 ? [1000 / one_in, "1,000"] : [100 / one_in, "100"];
  return `About ${Math.max(1, Math.round(share))} in ${of} pairs of different people score this high.`;
}

/** A picture on its way from the learner's page. */
export function CaptureLine({ identity }: { identity: Identity }) {
  const { capture } = identity;
  if (!capture) return null;
  const share = capture.total ? Math.min(1, capture.done / capture.total) : 0;
  const face = capture.side === "face";
  const side = capture.side === "back" ? "the back of the document" : "the document";
  return (
    <div class="capture-line">
      <label for="capture-progress" class="small">
        {face ? "Picture in full size" : `The learner's page sends ${side}`}:{" "}
        {`${Math.round(share * 100)}\u00a0%`}
      </label>
      <progress id="capture-progress" max={1} value={share} />
    </div>
  );
}
