// Incidents: the form that one key opens, and the list of what was noted.

import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime } from "../lib/page";
import type { Incident, RoomState } from "../lib/protocol";
import { useAction } from "./hooks";
import { Refusal } from "./parts";
import type { Room } from "./room";

type Severity = Incident["severity"];

/** The categories of invigilation/incident.py, the likeliest group first. */
const GROUPS: { name: string; group: string; kinds: Record<string, string> }[] = [
  {
    name: "The learner",
    group: "examinee",
    kinds: {
      behaviour: "Behaviour",
      complaint: "Complaint",
      id_authorisation: "Identity or authorisation",
      illness: "Illness",
      late: "Late",
      navigation: "Left the assessment",
      no_show: "Did not come",
    },
  },
  {
    name: "The place",
    group: "environment",
    kinds: {
      disturbance: "Disturbance or another person",
      noise: "Noise",
      comfort: "Comfort",
      power_outage: "Power cut",
      weather: "Weather or sea",
    },
  },
  {
    name: "Technology",
    group: "technical",
    kinds: {
      network: "Connection",
      workstation: "Device",
      freezing: "Freezing",
      launching: "Assessment does not open",
      printing: "Printing",
    },
  },
  {
    name: "Staff",
    group: "staff",
    kinds: {
      behaviour: "Behaviour",
      compliance: "Rules not followed",
      error: "Mistake",
      late: "Late",
      no_show: "Did not come",
    },
  },
  { name: "Other", group: "other", kinds: { other: "Something else" } },
];

const SEVERITIES: Record<Severity, string> = { low: "Low", medium: "Medium", high: "High" };

function words(category: string): string {
  const [group, kind] = category.split(".");
  const found = GROUPS.find((each) => each.group === group);
  return found ? `${found.name}: ${found.kinds[kind ?? ""] ?? kind}` : category;
}

export function IncidentForm({ room, onClose }: { room: Room; onClose: () => void }) {
  const [category, setCategory] = useState("examinee.behaviour");
  const [severity, setSeverity] = useState<Severity>("low");
  const [note, setNote] = useState("");
  const [picture, setPicture] = useState(true);
  const asking = useAction();
  const first = useRef<HTMLSelectElement>(null);
  useEffect(() => first.current?.focus(), []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const body = { category, severity, note: note.trim(), picture };
    if (await asking.run(() => room.request("incident", body))) onClose();
  };
  return (
    <form class="card" onSubmit={submit} aria-labelledby="incident-title">
      <h2 id="incident-title">Note an incident</h2>
      <div class="pair">
        <div class="field">
          <label for="category">What was it?</label>
          <select
            id="category"
            ref={first}
            value={category}
            onChange={(event) => setCategory(event.currentTarget.value)}
          >
            {GROUPS.map(({ name, group, kinds }) => (
              <optgroup key={group} label={name}>
                {Object.entries(kinds).map(([kind, label]) => (
                  <option key={kind} value={`${group}.${kind}`}>
                    {label}
                  </option>
                ))}
              </optgroup>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="severity">How serious?</label>
          <select
            id="severity"
            value={severity}
            onChange={(event) => setSeverity(event.currentTarget.value as Severity)}
          >
            {Object.entries(SEVERITIES).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </div>
      </div>
      <div class="field">
        <label for="note">Note</label>
        <textarea
          id="note"
          rows={2}
          maxlength={1000}
          value={note}
          onInput={(event) => setNote(event.currentTarget.value)}
        />
      </div>
      <div class="choice">
        <input
          type="checkbox"
          id="with-picture"
          checked={picture}
          onChange={(event) => setPicture(event.currentTarget.checked)}
        />
        <label for="with-picture">With a picture taken now</label>
      </div>
      <Refusal error={asking.error} />
      <div class="buttons">
        <button class="button" disabled={asking.busy}>
          Note it
        </button>
        <button type="button" class="button button--quiet" onClick={onClose}>
          Go back
        </button>
      </div>
    </form>
  );
}

export function IncidentList({ state }: { state: RoomState }) {
  const incidents = state.incidents ?? [];
  return (
    <section class="card later" aria-labelledby="incidents-title">
      <h2 id="incidents-title">Incidents</h2>
      {incidents.length === 0 && <p class="soft">None noted.</p>}
      {incidents.length > 0 && (
        <ol class="incidents">
          {incidents.map((each) => (
            <li key={each.id}>
              <strong>
                {clockTime(each.at)} {words(each.category)}
              </strong>{" "}
              <span class={`tag ${each.severity === "high" ? "tag--bad" : "tag--quiet"}`}>
                {SEVERITIES[each.severity]}
              </span>
              {each.note && <p>{each.note}</p>}
              {each.picture && (
                <a
                  class="small"
                  href={`/staff/evidence/${encodeURIComponent(each.picture)}`}
                  target="_blank"
                  rel="noopener"
                >
                  Picture
                </a>
              )}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
