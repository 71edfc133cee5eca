// What a click on the map does at the moment, and where the map looks.
import type { FeatureCollection, Feature } from "geojson";
import type { Map as MapLibre } from "maplibre-gl";
import type { Bounds } from "../api/types";
import type { Mark, WordLayer } from "../state/layers.svelte";
import { remember } from "../state/history.svelte";
import { unrolled } from "./bounds";
import { NOTHING } from "./layers";

export type Tool =
  | { kind: "look" }
  | { kind: "mark"; layer: WordLayer; right: boolean }
  | { kind: "draw" };

type State = {
  now: Tool;
  facts: Fact | null;
  /** The class map that is shown: the work that made it, and its scene. */
  classes: { job: string; scene: string; legend: { name: string; color: string }[] } | null;
  hits: FeatureCollection;
  evidence: FeatureCollection;
  /** The place of an audit that is being decided, if the map shows it. */
  place: FeatureCollection;
  /** Ground that changed, and the classes with their colours. */
  changes: { data: FeatureCollection; classes: { name: string; color: string }[] } | null;
};

export const tool = $state<State>({
  now: { kind: "look" },
  facts: null,
  classes: null,
  hits: NOTHING,
  evidence: NOTHING,
  place: NOTHING,
  changes: null,
});

/** The properties of the object that was clicked. */
export type Fact = Record<string, unknown>;

/** The main map, once it is there: panels move it. `over` is the date that lies over it, from `cut` percent on. */
export const stage: { map: MapLibre | null; over: MapLibre | null; cut: number } = { map: null, over: null, cut: 0 };

/** Marks a place, and returns what was done in words. */
export function mark(layer: WordLayer, at: Mark["at"], right: boolean): string {
  const kind = right ? "right" : "wrong";
  layer.marks.push({ right, at });
  remember(`marking ${layer.word} ${kind}`, () => layer.marks.pop());
  return `Marked a ${kind} place of ${layer.word}.`;
}

/** Moves so that bounds fill the map; at once for people who do not want motion. */
export function lookAt(bounds: Bounds | null | undefined, maxZoom = 20): void {
  if (!bounds || !stage.map) return;
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  stage.map.fitBounds(unrolled(bounds), { padding: 40, maxZoom, duration: calm ? 0 : 600 });
}

export function boxOf(bounds: Bounds, properties: object = {}): Feature {
  const [west, south, east, north] = unrolled(bounds);
  const ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
  return { type: "Feature", properties: { ...properties }, geometry: { type: "Polygon", coordinates: [ring] } };
}
