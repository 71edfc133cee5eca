// An empty map: sea, and marks between which the kinds of layers lie, so that heat is above scenes and outlines above heat.
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { addProtocol, type Map as MapLibre, setWorkerUrl, type StyleSpecification } from "maplibre-gl";
import { loadCut } from "./cut";

setWorkerUrl(new URL(workerUrl, import.meta.url).href);
addProtocol("cut", loadCut);

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
  const below = map.getLayer("base") ? "base" : "under-scenes";
  map.addLayer({ id: "land", type: "fill", source: "land", paint: { "fill-color": LAND[shade(dark)] } }, below);
}

/** The host of a base map, which is named on the map. */
export const hostOf = (tiles: string): string => new URL(tiles.replace(/[{}]/g, "")).host;

/** Tiles of a server that the user named when the map was started, above the land and below all scenes. */
export function addBase(map: MapLibre, tiles: string): void {
  map.addSource("base", { type: "raster", tiles: [tiles], tileSize: 256, attribution: `Base map: ${hostOf(tiles)}` });
  map.addLayer({ id: "base", type: "raster", source: "base" }, "under-scenes");
}

export function recolor(map: MapLibre, dark: boolean): void {
  map.setPaintProperty("sea", "background-color", SEA[shade(dark)]);
  if (map.getLayer("land")) map.setPaintProperty("land", "fill-color", LAND[shade(dark)]);
}
