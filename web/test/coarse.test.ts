import type { Map as MapLibre } from "maplibre-gl";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepUp } from "../src/map/coarse";

const SCREEN = 2; // pixels of the screen a CSS pixel

/** A map that remembers its pixel ratio. */
const mapOf = (style: unknown) => {
  let ratio = SCREEN;
  return { style, getPixelRatio: () => ratio, setPixelRatio: (next: number) => (ratio = next) } as unknown as MapLibre;
};

/** Frames that come so many milliseconds after they are asked for. */
const drawEvery = (ms: number) => vi.stubGlobal("requestAnimationFrame", (next: () => void) => setTimeout(next, ms));

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("devicePixelRatio", SCREEN);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a map that is slow to draw is coarse while the slider moves, and sharp when it rests", () => {
  const map = mapOf({});
  drawEvery(100);
  for (let move = 0; move < 5; move++) {
    keepUp(map);
    vi.advanceTimersByTime(250);
  }
  expect(map.getPixelRatio()).toBe(SCREEN / 4);
  vi.advanceTimersByTime(1000);
  expect(map.getPixelRatio()).toBe(SCREEN);
});

test.each([
  ["a map that is drawn in time stays sharp", {}, 16, 200],
  ["pictures that come after the slider rests do not make the map coarse", {}, 2000, 10_000],
  ["a map that has gone is left alone", undefined, 100, 1000],
])("%s", (_, style, frame, after) => {
  const map = mapOf(style);
  drawEvery(frame);
  keepUp(map);
  vi.advanceTimersByTime(after);
  expect(map.getPixelRatio()).toBe(SCREEN);
});
