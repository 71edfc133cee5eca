import { expect, test } from "vitest";
import { rampOf } from "../src/map/ramp";

const stopsOf = (threshold: number | null) => rampOf("#e69f00", threshold).slice(3) as (number | string)[];
const values = (threshold: number | null) => stopsOf(threshold).filter((each) => typeof each === "number");

test.each([null, 1, 2, 3, 128, 254, 255])("stops rise strictly with a threshold of %s, or MapLibre draws nothing", (threshold) => {
  const at = values(threshold);
  expect(at.every((each, i) => !i || each > at[i - 1]!)).toBe(true);
});

test("what is not known is not drawn, and a pixel below the threshold is faint", () => {
  expect(stopsOf(128).slice(0, 2)).toEqual([0, "rgba(230, 159, 0, 0)"]);
  const opacity = (value: number) => Number(/([\d.]+)\)$/.exec(stopsOf(128)[stopsOf(128).indexOf(value) + 1] as string)![1]);
  expect(opacity(127)).toBeLessThan(0.2);
  expect(opacity(128)).toBeGreaterThan(0.5);
});
