// An empty map: sea, and marks between which the kinds of layers lie, so that heat is above scenes and outlines above heat.
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { type Map as MapLibre, setWorkerUrl, type StyleSpecification } from "maplibre-gl";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);

/** The layer below which a kind of layer is added. */
export type Slot = "under-scenes" | "under-heat" | "under-lines" | "under-marks";

const SLOTS: Slot[] = ["under-scenes", "under-heat", "under-lines", "under-marks"];
const SEA = { light: "#d7e3ea", dark: "#141b21" };
const LAND = { light: "#f1efe9", dark: "#252c31" };

const shade = (dark: boolean) => (dark ? "dark" : "light");

export const emptyStyle = (dark: boolean): StyleSpecification => ({
  version: 8,
  sources: {},
  layers: [
    { id: "sea", type: "background", paint: { "background-color": SEA[shade(dark)] } },
    ...SLOTS.map((id) => ({ id, type: "background" as const, layout: { visibility: "none" as const } })),
  ],
});

export async function addLand(map: MapLibre, dark: boolean): Promise<void> {
  const { land } = await import("./land");
  map.addSource("land", { type: "geojson", data: land(), attribution: "Land: Natural Earth" });
  map.addLayer({ id: "land", type: "fill", source: "land", paint: { "fill-color": LAND[shade(dark)] } }, "under-scenes");
}

export function recolor(map: MapLibre, dark: boolean): void {
  map.setPaintProperty("sea", "background-color", SEA[shade(dark)]);
  if (map.getLayer("land")) map.setPaintProperty("land", "fill-color", LAND[shade(dark)]);
}
