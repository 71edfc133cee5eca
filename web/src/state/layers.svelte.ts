// Words as layers of a scene: heat, a threshold, and the objects above it.
import type { FeatureCollection } from "geojson";
import { dropJob, readFeatures, startJob } from "../api/client";
import type { Find, Heat, HeatName, Job } from "../api/types";
import { nextColor } from "../map/palette";
import { remember } from "./history.svelte";
import { complain, say } from "./say.svelte";
import { finished, follow, run, turns } from "./work.svelte";
import { workspace } from "./workspace.svelte";

export type Mark = { right: boolean; at: [lon: number, lat: number] };

export const OPACITY = 0.85; // of a new layer
const REST_MS = 500; // the slider rests: objects are outlined

let keys = 0;

export class WordLayer {
  readonly key = `w${++keys}`;
  word = $state("");
  scene: string;
  color = $state("");
  visible = $state(true);
  opacity = $state(OPACITY);
  /** A value of tiles, 1..255; null until the server or the user decides. */
  threshold = $state<number | null>(null);
  model = $state("mini");
  job = $state.raw<Job<Heat> | null>(null);
  index = $state(0);
  /** The work that outlined the objects: the heat itself at the threshold of the scene, else a search of its own. */
  found = $state.raw<Job<Find | Heat> | null>(null);
  objects = $state.raw<FeatureCollection | null>(null);
  marks = $state<Mark[]>([]);
  gain = $state<{ before: number | null; after: number | null } | null>(null);
  /** A colour that is shown until the server tells that of the word; empty if there is none to wait for. */
  provisional = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the objects: only those that were asked for last are shown. */
  #turn = turns();
  /** The area of the objects that are shown or asked for. */
  #within = "null";

  constructor(word: string, scene: string, color: string, model: string) {
    this.word = word;
    this.scene = scene;
    this.color = color;
    this.model = model;
  }

  get facts(): HeatName | undefined {
    return this.job?.result?.names[this.index];
  }

  /** The threshold as a score. */
  get score(): number {
    return ((this.threshold ?? 1) - 1) / 254;
  }

  /** Whether the threshold is another than the scene gives. Else objects are found as `find` finds them by itself. */
  get moved(): boolean {
    return this.threshold !== null && this.threshold !== this.facts?.default_value;
  }

  /** Whether objects are being outlined. */
  get counting(): boolean {
    return this.found !== null && !finished(this.found);
  }

  get ready(): boolean {
    return this.job?.state === "done";
  }

  /** Why the word is not drawn: it cannot be seen, or nothing like it is there. Empty if it is. */
  get why(): string {
    if (this.facts?.why || !this.ready || this.job?.result?.counts?.[this.word]) return this.facts?.why ?? "";
    return this.notes.find((note) => note.startsWith("no ")) ?? `${this.word} was not found.`;
  }

  /** What the server says of this word. */
  get notes(): string[] {
    return (this.job?.result?.notes ?? []).filter((note) => note.includes(this.word));
  }

  /**
   * The area of all pixels at or above the threshold. The server sent the area of each value, so nothing is asked.
   * Within an area of interest it is that of the objects.
   */
  get area(): number | null {
    const within = this.found?.body["area"];
    if (workspace.area || within) return within ? (this.found?.result?.areas_m2?.[this.word] ?? null) : null;
    const areas = this.facts?.area_m2;
    return areas && this.threshold !== null ? areas.slice(this.threshold).reduce((sum, each) => sum + each, 0) : null;
  }

  get count(): number | null {
    return this.found?.result?.counts?.[this.word] ?? null;
  }

  take(job: Job<Heat>, index: number): void {
    if (job.id !== this.job?.id) this.#forget();
    this.job = job;
    this.index = index;
    this.word = this.facts?.name ?? this.word; // as all results call it, without the spaces and quotes that were typed
    this.#takeColor();
    if (job.state !== "done") return;
    const moved = this.moved;
    if (this.threshold === null) {
      this.threshold = this.facts?.default_value ?? 128;
      this.visible = !this.why; // what is not there is said, not drawn
    }
    if (this.why) return;
    if (moved || workspace.area) this.rest(0);
    else this.#draw(job, this.#turn()).catch(complain);
  }

  /** Lets go of objects that other work found. */
  #forget(): void {
    this.#turn();
    this.#within = "null";
    this.found = this.objects = null;
  }

  /** Lets go of the heat, as another is asked for. */
  renew(): void {
    this.#forget();
    this.job = null;
  }

  /** Finds the objects again if they are of another area than is chosen now. */
  fit(): void {
    const same = this.#within === JSON.stringify(workspace.area);
    if (this.ready && !same && (this.found || !this.why)) this.rest(0);
  }

  /** The colour of the word in all results, unless the user chose one or another layer here has it. */
  #takeColor(): void {
    const own = this.facts?.color;
    const taken = layersOf(this.scene).some((each) => each !== this && each.color === own);
    if (own && this.color === this.provisional && !taken) this.color = own;
    if (own) this.provisional = "";
  }

  /** Outlines the objects when nothing has moved for a while. */
  rest(ms = REST_MS): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#outline().catch(complain), ms);
  }

  async #outline(): Promise<void> {
    if (!this.ready || this.threshold === null) return;
    const isLatest = this.#turn();
    this.#within = JSON.stringify(workspace.area);
    let drawn = false;
    try {
      drawn = await this.#find(isLatest);
    } finally {
      if (!drawn && isLatest()) this.objects = null; // those of before are of another threshold, or area
    }
  }

  /** Asks for the objects, and shows them unless others were asked for meanwhile. Returns whether they are shown. */
  async #find(isLatest: () => boolean): Promise<boolean> {
    if (this.counting) await dropJob(this.found!.id).catch(() => {}); // it has ended by itself
    if (!isLatest()) return false;
    this.found = null;
    const score = Math.min(Math.max(this.score, 0.001), 0.999);
    const body = { scene: this.scene, words: [this.word], model: this.model, area: $state.snapshot(workspace.area) };
    const options = { min_score: this.moved ? Math.round(score * 1e4) / 1e4 : null, overlay: false };
    const begun = await startJob("find", { ...body, options });
    if (!isLatest()) return false;
    this.found = begun as Job<Find>;
    const job = await follow<Find>(begun, (now) => {
      if (isLatest()) this.found = now;
    });
    return job.state === "done" && isLatest() && (await this.#draw(job, isLatest));
  }

  async #draw(job: Job<Find | Heat>, isLatest: () => boolean): Promise<boolean> {
    const all = await readFeatures(job.id, "objects");
    if (!isLatest()) return false;
    this.found = job;
    this.objects = { ...all, features: all.features.filter((each) => each.properties?.["name"] === this.word) };
    return true;
  }
}

export const layers = $state<{ all: WordLayer[] }>({ all: [] });

export const layersOf = (scene: string | null) => layers.all.filter((each) => each.scene === scene);

export function removeLayer(layer: WordLayer): void {
  const at = layers.all.indexOf(layer);
  layers.all.splice(at, 1);
  remember(`removing ${layer.word}`, () => layers.all.splice(at, 0, layer));
}

/** Words separated by commas become layers; their heat appears while it is computed. */
export async function addWords(text: string, model: string, scene = workspace.scene): Promise<void> {
  const there = new Set(layersOf(scene).filter((each) => each.model === model).map((each) => each.word));
  const typed = [...new Set(text.split(/[,;\n]/).map((word) => word.trim()))].filter(Boolean);
  if (!scene || !typed.length) return;
  const words = typed.filter((word) => !there.has(word));
  if (!words.length) return say("These words are in the list already.");
  const added = words.map((word, i) => new WordLayer(word, scene, nextColor(layers.all.length + i), model));
  for (const layer of added) layer.provisional = layer.color;
  layers.all.push(...added);
  remember(`adding ${words.join(", ")}`, () => {
    layers.all = layers.all.filter((each) => !added.some((one) => one.key === each.key));
  });
  await heat(added);
}

/**
 * Asks for the heat of layers of one scene and model, as one job. Layers of which nothing can be shown are removed, but
 * for those with marked places, which are work of the user's.
 */
export async function heat(some: WordLayer[]): Promise<void> {
  const { scene, model } = some[0]!;
  const words = some.map((layer) => layer.word);
  for (const layer of some) layer.renew();
  say(`Looking for ${words.join(", ")} …`);
  try {
    const job = await run<Heat>("heat", { scene, words, model }, (now) => some.forEach((layer, i) => layer.take(now, i)));
    say(job.state === "done" ? `Done: ${words.join(", ")}.` : `Stopped: ${words.join(", ")}.`);
  } finally {
    layers.all = layers.all.filter((each) => each.ready || each.marks.length || !some.some((one) => one.key === each.key));
  }
}
