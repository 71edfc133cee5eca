// The shapes of the server's answers that the page reads.
import type { Geometry } from "geojson";

export type Bounds = [west: number, south: number, east: number, north: number];

export type Scene = {
  id: string;
  name: string;
  bounds: Bounds;
  /** False without a CRS: the scene is then shown at 0, 0 with a metre per pixel. */
  placed: boolean;
  size: [cols: number, rows: number];
  resolution_m: number | null;
  time: string | null;
  bands: string[];
  minzoom: number;
  maxzoom: number;
  notes: string[];
  error?: string | null;
};

export type Archive = {
  id: string;
  name: string;
  kind: string;
  chips: number | null;
  scenes: number | null;
  bounds: Bounds | null;
};

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export type Job<Result = unknown> = {
  id: string;
  kind: string;
  state: JobState;
  done: number;
  total: number | null;
  /** Rises when tiles of the job changed. */
  version: number;
  body: Record<string, unknown>;
  result: Result | null;
  error: { kind: string; message: string } | null;
  seconds: number;
  notes: string[];
};

export type State = {
  version: string;
  model: string;
  models: string[];
  scenes: Scene[];
  archives: Archive[];
  jobs: Job[];
  upload_mb: number;
  basemap: string | null;
};

export type HeatName = {
  name: string;
  presence?: number | null;
  why?: string;
  /** Value of tiles from which a pixel is taken as the word: 1 + 254 * score. */
  default_value?: number | null;
  /** Area of the pixels with exactly each value of tiles 0..255, in m², or in pixels. */
  area_m2?: number[] | null;
  unit?: string;
};

export type Find = {
  counts: Record<string, number>;
  areas_m2: Record<string, number | null>;
  why: Record<string, string>;
  notes: string[];
  files?: string[];
};

/** While it is computed there are only names; then the objects at the threshold of the scene too. */
export type Heat = Partial<Find> & { names: HeatName[] };

export type Segment = {
  classes: { name: string; area_m2: number | null; share: number; color?: string }[];
  notes: string[];
  files?: string[];
};

export type Teach = { miou: number | null; miou_by_words: number | null; model: string; notes: string[] };

export type Hit = {
  rank: number;
  score: number;
  source: string;
  bounds: Bounds | null;
  time: string | null;
  chip: number;
};
export type Search = {
  query: string | null;
  present: number | null;
  hits: Hit[];
  nearest: Hit[];
  searched: number;
  notes: string[];
  files?: string[];
};

export type Answer = {
  question: string;
  value: unknown;
  unit: string | null;
  text: string;
  confidence: number | null;
  reason: string;
  program: string | null;
  notes: string[];
};

export type Area = Geometry | null;
