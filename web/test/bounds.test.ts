import { describe, expect, test } from "vitest";
import type { Bounds } from "../src/api/types";
import { overlap, tileBounds, unrolled } from "../src/map/bounds";

const ACROSS: Bounds = [179, -1, -179, 1];
const HERE: Bounds = [4, 51, 5, 52];

describe("bounds across the antimeridian", () => {
  test("go on to the east of it, so that the map looks there and not at the rest of the Earth", () => {
    expect(unrolled(ACROSS)).toEqual([179, -1, 181, 1]);
    expect(unrolled(HERE)).toEqual(HERE);
  });
  test("hold their tiles", () => {
    expect(tileBounds(ACROSS)).toEqual([-180, -1, 180, 1]);
    expect(tileBounds(HERE)).toEqual(HERE);
  });
  test.each<[Bounds, boolean]>([[ACROSS, true], [[178, 0, 179.5, 2], true], [[-179.5, 0, -178, 2], true], [[177, 0, 178, 1], false], [[0, 0, 1, 1], false]])(
    "share ground with %s: %s",
    (other, wanted) => {
      expect(overlap(ACROSS, other)).toBe(wanted);
      expect(overlap(other, ACROSS)).toBe(wanted);
    },
  );
});
