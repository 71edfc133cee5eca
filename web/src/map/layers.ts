// Sources and layers of a map that come and go together under one id.
import type { FeatureCollection } from "geojson";
import type { GeoJSONSource, LayerSpecification, Map as MapLibre, RasterTileSource, SourceSpecification } from "maplibre-gl";
import type { Bounds } from "../api/types";
import { tileBounds } from "./bounds";
import type { Slot } from "./style";

type Layer = LayerSpecification extends infer L ? (L extends { source: string } ? Omit<L, "source" | "id"> : never) : never;

/** Adds a source with its layers, `id`, `id-1`, ..., and returns what removes them. */
export function add(map: MapLibre, id: string, source: SourceSpecification, slot: Slot, ...layers: Layer[]): () => void {
  map.addSource(id, source);
  const names = layers.map((_, i) => (i ? `${id}-${i}` : id));
  layers.forEach((layer, i) => map.addLayer({ ...layer, id: names[i]!, source: id } as LayerSpecification, slot));
  return () => {
    if (!map.style) return; // the map itself has gone
    names.forEach((name) => map.removeLayer(name));
    map.removeSource(id);
  };
}

export const pictures = (tiles: string, bounds: Bounds, minzoom: number, maxzoom: number): SourceSpecification => ({
  type: "raster",
  tiles: [tiles],
  tileSize: 256,
  bounds: tileBounds(bounds),
  minzoom,
  maxzoom,
});

/** Tiles whose red channel is a value 0..255, for the graphics card to colour. */
export const values = (tiles: string, bounds: Bounds, minzoom: number, maxzoom: number): SourceSpecification => ({
  type: "raster-dem",
  tiles: [tiles],
  tileSize: 256,
  bounds: tileBounds(bounds),
  minzoom,
  maxzoom,
  encoding: "custom",
  redFactor: 1,
  greenFactor: 0,
  blueFactor: 0,
  baseShift: 0,
});

export const shapes = (data: FeatureCollection): SourceSpecification => ({ type: "geojson", data, promoteId: "id" });

/**
 * Asks for other tiles, or the same again by another address; what is drawn stays until they are there. Tiles that were
 * asked for before must have come, as MapLibre drops the second of two answers for a tile. Returns what ends the wait.
 */
export function retile(map: MapLibre, id: string, tiles: string): () => void {
  const ask = () => {
    const source = map.getSource<RasterTileSource>(id);
    if (!source || !map.isSourceLoaded(id)) return;
    stop();
    if (source.tiles?.[0] !== tiles) source.setTiles([tiles]);
  };
  const waits = [map.on("sourcedata", ask), map.on("idle", ask)];
  const stop = () => waits.forEach((each) => each.unsubscribe());
  ask();
  return stop;
}

export const reshape = (map: MapLibre, id: string, data: FeatureCollection) =>
  map.getSource<GeoJSONSource>(id)?.setData(data);

export const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };
