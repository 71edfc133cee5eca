// The shapes of the server's answers. Its OpenAPI document says what is asked and how a job looks; what a job results in
// is the document that the command line prints with --json, of which the page reads these keys.
import type { Geometry } from "geojson";
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Bounds = [west: number, south: number, east: number, north: number];

/** A scene that can be read: one with an `error` has no bounds, and is left out. */
export type Scene = Schemas["Scene"] & { bounds: Bounds; size: [cols: number, rows: number] };
export type Archive = Schemas["ArchiveFacts"];
export type Picture = Schemas["Picture"];
export type State = Schemas["MapState"];
export type Job<Result = unknown> = Omit<Schemas["Job"], "result"> & { result?: Result | null };

/** What is asked, by the kind of work. */
export type Bodies = {
  heat: Asked<Schemas["HeatBody"]>;
  find: Asked<Schemas["FindBody"]>;
  segment: Asked<Schemas["SegmentBody"]>;
  teach: Asked<Schemas["TeachBody"]>;
  search: Asked<Schemas["SearchBody"]>;
  ask: Asked<Schemas["AskBody"]>;
  change: Asked<Schemas["ChangeBody"]>;
  audit: Asked<Schemas["AuditBody"]>;
};

/** Everything that has a default may be left out, of options too. */
type Asked<Body> = { [Key in keyof Body]?: Body[Key] extends object | undefined ? Partial<Body[Key]> : Body[Key] };

export type HeatName = {
  name: string;
  /** Of the word in all results, #rrggbb. */
  color: string;
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

export type Change = {
  dates: string[];
  summary: string;
  classes: { name: string; area_m2: (number | null)[]; pixels: number[]; gain_m2: number | null; loss_m2: number | null; color: string }[];
  why: Record<string, string>;
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

export type Figure = { value: number | null; low: number | null; high: number | null };
export type Place = { id: number; lon: number; lat: number; class: string };
/** A sample of a map with what was decided, and the areas that follow. */
export type Audit = Omit<Schemas["AuditState"], "places" | "found"> & {
  places: Place[];
  found: {
    areas: { name: string; area_m2: number | null; low: number | null; high: number | null; share: Figure }[];
    accuracy: { overall: Figure; users: Record<string, Figure>; producers: Record<string, Figure> };
    notes: string[];
  } | null;
};
