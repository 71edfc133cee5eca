import { expect, test } from "vitest";
import { boundsOf } from "../src/map/bounds";
import { formatArea, taughtName } from "../src/ui/figures";

test.each([
  [null, "m2", null],
  [0, "m2", "0 m²"],
  [123.456, "m2", "123 m²"],
  [250_000, "m2", "25 ha"],
  [3_210_000, "m2", "3.21 km²"],
  [42, "px", "42 px"],
])("%s %s reads %s", (area, unit, text) => expect(formatArea(area, unit)).toBe(text));

test("bounds hold every position, of collections too", () => {
  const outline = { type: "Polygon" as const, coordinates: [[[1, 2], [3, 2], [3, 5], [1, 2]]] };
  const far = { type: "Point" as const, coordinates: [-7, 9] };
  expect(boundsOf({ type: "GeometryCollection", geometries: [outline, far] })).toEqual([-7, 2, 3, 9]);
});

test.each([
  ["swimming pool", "swimming-pool-mine"],
  ["(Gewächshäuser)", "Gewächshäuser-mine"],
  ["水田", "水田-mine"],
  ["?!", "word-mine"],
])("what %s was taught is named %s", (word, name) => expect(taughtName(word)).toBe(name));

test("the name of a long word has at most 60 letters", () => expect(taughtName("a".repeat(90)).length).toBeLessThanOrEqual(60));
