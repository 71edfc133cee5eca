// The bounds of a geometry in degrees.
import type { Geometry, Position } from "geojson";
import type { Bounds } from "../api/types";

function positionsOf(geometry: Geometry): Position[] {
  if (geometry.type === "GeometryCollection") return geometry.geometries.flatMap(positionsOf);
  const depth = { Point: 0, MultiPoint: 1, LineString: 1, MultiLineString: 2, Polygon: 2, MultiPolygon: 3 }[geometry.type];
  return depth ? ((geometry.coordinates as unknown[]).flat(depth - 1) as Position[]) : [geometry.coordinates as Position];
}

export function boundsOf(geometry: Geometry): Bounds {
  const positions = positionsOf(geometry);
  const along = (axis: 0 | 1) => positions.map((position) => position[axis]!);
  return [Math.min(...along(0)), Math.min(...along(1)), Math.max(...along(0)), Math.max(...along(1))];
}

/** Bounds with west < east, as the map takes them: across the antimeridian, east is beyond 180. */
export const unrolled = ([west, south, east, north]: Bounds): Bounds => [west, south, east < west ? east + 360 : east, north];

/** Bounds of tiles: all around the Earth for what crosses the antimeridian, as MapLibre asks for no tile of it otherwise. */
export const tileBounds = ([west, south, east, north]: Bounds): Bounds => (east < west ? [-180, south, 180, north] : [west, south, east, north]);

/** Whether bounds share ground; west > east across the antimeridian. */
export function overlap(one: Bounds, other: Bounds): boolean {
  const [[w, s, e, n], [west, south, east, north]] = [unrolled(one), unrolled(other)];
  return s < north && south < n && [-360, 0, 360].some((turn) => w < east + turn && west + turn < e);
}
