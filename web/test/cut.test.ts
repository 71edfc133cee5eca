import { describe, expect, test } from "vitest";
import { cutBy, cutTiles, ringsAround, ringsIn } from "../src/map/cut";

const box = (west: number, south: number, east: number, north: number) => [
  [[west, south], [east, south], [east, north], [west, north], [west, south]],
];
const EDGE = 85.0511287798066; // degrees of latitude at which the web map grid ends

describe("the rings of an area in a tile", () => {
  test("go along its edges where the area is the tile", () => {
    const [ring] = ringsIn({ type: "Polygon", coordinates: box(0, -EDGE, 180, 0) }, 1, 1, 1);
    expect(ring!.map((each) => each.map(Math.round))).toEqual([[0, 256], [256, 256], [256, 0], [0, 0], [0, 256]]);
  });
  test("lie beyond it where another tile has them", () => {
    const [ring] = ringsIn({ type: "Polygon", coordinates: box(0, -EDGE, 180, 0) }, 1, 0, 0);
    expect(ring!.every(([x, y]) => x! >= 255.999 && y! >= 255.999)).toBe(true);
  });
  test("are those of all its parts", () => {
    expect(ringsIn({ type: "MultiPolygon", coordinates: [box(0, 0, 1, 1), box(2, 2, 3, 3)] }, 3, 0, 0)).toHaveLength(2);
  });
});

test.each([[179, 181], [-181, -179]])("an area from %s to %s degrees lies in the tiles on both sides of 180", (west, east) => {
  const area = { type: "Polygon" as const, coordinates: box(west, -1, east, 1) };
  const isIn = (col: number) =>
    ringsAround(area, 3, col, 4).some((rings) => rings.some((ring) => Math.min(...ring.map(([x]) => x!)) < 256 && Math.max(...ring.map(([x]) => x!)) > 0));
  expect([0, 1, 6, 7].map(isIn)).toEqual([true, false, false, true]);
});

test("an area as far as a pole has corners that can be drawn", () => {
  const rings = ringsIn({ type: "Polygon", coordinates: box(-10, -90, 10, 90) }, 0, 0, 0);
  expect(rings.flat(2).every(Number.isFinite)).toBe(true);
});

test("tiles have another address for each area, so that they are loaded anew", () => {
  const before = cutTiles("http://map/{z}/{x}/{y}.png");
  cutBy({ type: "Polygon", coordinates: box(0, 0, 1, 1) });
  expect(cutTiles("http://map/{z}/{x}/{y}.png")).not.toBe(before);
});
