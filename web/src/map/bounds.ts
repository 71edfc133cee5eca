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

/** Whether bounds share ground; none of them crosses the antimeridian. */
export const overlap = ([w, s, e, n]: Bounds, [west, south, east, north]: Bounds): boolean =>
  w < east && west < e && s < north && south < n;
