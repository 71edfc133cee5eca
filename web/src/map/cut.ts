// Heat within the area alone: of each tile of values, what lies outside of the area is cut off before it is coloured.
import type { Polygon, MultiPolygon, Position } from "geojson";
import type { Area } from "../api/types";

const SIDE = 256; // pixels of a tile
const MOST_LAT = 89.9; // degrees, beyond the edge of the grid; the pole itself is infinitely far
const CUT = /^cut:\/\/\d+\/(.+\/(\d+)\/(\d+)\/(\d+)\.png.*)$/;

let area: Area = null;
let number = 0;

/** Sets the area of all tiles that are asked for from now on. */
export function cutBy(next: Area): void {
  area = next;
  number++; // so that the addresses of tiles change with the area
}

/** The address of tiles that `loadCut` loads within the area. */
export const cutTiles = (tiles: string): string => `cut://${number}/${tiles}`;

/** The rings of an area in pixels of a tile of the web map grid, x before y. */
export function ringsIn(area: Polygon | MultiPolygon, z: number, col: number, row: number): Position[][] {
  const side = SIDE * 2 ** z;
  const place = ([lon, lat]: Position): Position => {
    const near = Math.min(Math.max(lat!, -MOST_LAT), MOST_LAT);
    const north = Math.log(Math.tan(Math.PI / 4 + (near * Math.PI) / 360)) / Math.PI; // -1..1, as Mercator has it
    return [((lon! + 180) / 360) * side - col * SIDE, ((1 - north) / 2) * side - row * SIDE];
  };
  const polygons = area.type === "Polygon" ? [area.coordinates] : area.coordinates;
  return polygons.flat().map((ring) => ring.map(place));
}

/** The rings in a tile, and again a turn around the Earth to the west and to the east: an area may cross 180 degrees. */
export const ringsAround = (area: Polygon | MultiPolygon, z: number, col: number, row: number): Position[][][] =>
  [-1, 0, 1].map((turn) => ringsIn(area, z, col + turn * 2 ** z, row));

/** Loads a tile for MapLibre: outside of the area its values are 0, as where nothing is known. */
export async function loadCut({ url }: { url: string }, { signal }: AbortController): Promise<{ data: ImageBitmap }> {
  const [, address, z, col, row] = CUT.exec(url)!;
  const answer = await fetch(address!, { signal });
  if (!answer.ok) throw new Error(`A tile of scores was answered by ${answer.status}.`);
  const whole = await createImageBitmap(await answer.blob(), { colorSpaceConversion: "none" });
  const page = new OffscreenCanvas(SIDE, SIDE);
  const pen = page.getContext("2d")!;
  for (const rings of area ? ringsAround(area as Polygon, Number(z), Number(col), Number(row)) : []) {
    const outline = new Path2D();
    for (const ring of rings) {
      ring.forEach(([x, y], i) => (i ? outline.lineTo(x!, y!) : outline.moveTo(x!, y!)));
      outline.closePath();
    }
    pen.save();
    pen.clip(outline, "evenodd");
    pen.drawImage(whole, 0, 0);
    pen.restore();
  }
  return { data: page.transferToImageBitmap() };
}
