// The audit that is open: its places one by one, what was decided, and the areas that follow.
import { ApiError, decidePlaces, readAudit } from "../api/client";
import type { Audit, Place } from "../api/types";
import { remember } from "./history.svelte";
import { complain, say } from "./say.svelte";
import { work } from "./work.svelte";
import { sceneOf } from "./workspace.svelte";

type Open = { job: string | null; sample: Audit | null; at: number; saving: boolean };

export const audit = $state<Open>({ job: null, sample: null, at: 0, saving: false });

const REFUSED = [400, 404, 422]; // what would be refused again; else it may be heard later, as with a new token
let waiting: Record<number, string> = {}; // decisions that the server does not know yet
export const unsaved = (): boolean => audit.saving || Object.keys(waiting).length > 0;

export const UNKNOWN = "?";
export const placeNow = (): Place | undefined => audit.sample?.places[audit.at];
export const decidedCount = (): number => audit.sample?.places.filter((place) => place.class).length ?? 0;

/** Opens an audit at its first open place, once all that was decided in another one is written. */
export async function openAudit(job: string): Promise<void> {
  await settle();
  const sample = await readAudit(job);
  Object.assign(audit, { job, sample, at: 0 });
  goOn();
}

/** Closes the audit; it stays open if the server does not hear what was decided. */
export async function closeAudit(): Promise<void> {
  await settle();
  Object.assign(audit, { job: null, sample: null, at: 0 });
}

let writing = Promise.resolve();

/** Waits until all that was decided is written. */
async function settle(): Promise<void> {
  while (unsaved()) {
    if (!audit.saving) writing = save(audit.job!);
    await writing;
  }
}

/** Goes to the next open place, or stays at the last one. */
function goOn(): void {
  const places = audit.sample!.places;
  const next = places.findIndex((place, i) => i >= audit.at && !place.class);
  audit.at = next >= 0 ? next : Math.max(0, places.length - 1);
}

/** The open scenes of the map that is audited; none if that map is not known any more. */
export function auditedScenes(job: string): string[] {
  const find = (id: unknown) => work.made.find((each) => each.id === id)?.body;
  const map = find(find(job)?.["map"]);
  return [map?.["scenes"] ?? map?.["scene"] ?? []].flat().map(String).filter((id) => sceneOf(id));
}

export function step(by: number): void {
  const last = (audit.sample?.places.length ?? 1) - 1;
  audit.at = Math.min(Math.max(audit.at + by, 0), last);
}

/** Shows a decision at once, and has it written down. */
function put(id: number, name: string): void {
  const place = audit.sample?.places.find((each) => each.id === id);
  if (place) place.class = name;
  waiting[id] = name;
  if (audit.saving) return;
  writing = save(audit.job!);
  writing.catch(complain);
}

/**
 * Sends what was decided until nothing waits; decisions that are made meanwhile go together. What a server that is away
 * does not hear is sent with the next decision.
 */
async function save(job: string): Promise<void> {
  audit.saving = true;
  try {
    while (Object.keys(waiting).length) {
      const sent = waiting;
      waiting = {};
      const sample = await decidePlaces(job, sent).catch(async (error) => {
        const refused = error instanceof ApiError && REFUSED.includes(error.status);
        if (!refused) waiting = { ...sent, ...waiting };
        else if (audit.job === job) audit.sample = await readAudit(job).catch(() => audit.sample); // as it is written
        throw error;
      });
      for (const place of sample.places) place.class = waiting[place.id] ?? place.class;
      if (audit.job === job) audit.sample = sample;
    }
  } finally {
    audit.saving = false;
  }
}

/** Decides the place that is shown and goes to the next. */
export function decideNow(name: string): void {
  const [job, place] = [audit.job, placeNow()];
  if (!job || !place) return;
  const { id, class: before } = place;
  const at = audit.at;
  put(id, name);
  goOn();
  remember(`deciding place ${id}`, () => {
    if (audit.job !== job) return say("That audit is closed.");
    put(id, before);
    audit.at = at;
  });
}
