import { describe, expect, test, vi } from "vitest";

vi.mock("../src/map/tool.svelte", () => ({ stage: { map: null }, tool: {} }));
vi.mock("../src/state/layers.svelte", () => ({ layers: { all: [] }, OPACITY: 0.85 }));
vi.mock("../src/state/workspace.svelte", () => ({ workspace: {} }));
const { formatLink, readLink } = await import("../src/state/link.svelte");

const word = { word: "swimming pool & spa ~", model: "mini", color: "#e69f00", opacity: 0.85, visible: false, threshold: 140 };

describe("a link", () => {
  test("restores what it was made of", () => {
    const link = { at: [17.25, 51.870519, 4.356928] as [number, number, number], scene: "s0", tab: "ask" as const, words: [{ ...word, word: "pool & spa" }] };
    expect(readLink(formatLink(link))).toEqual(link);
  });
  test("takes words apart whatever they hold", () => {
    expect(readLink(formatLink({ words: [word] })).words).toEqual([word]);
  });
  test("of a stranger is read as far as it makes sense", () => {
    expect(readLink("#at=1/x/3&tab=root&word=mini~javascript~1~1~~a&word=")).toEqual({ at: undefined, scene: undefined, tab: undefined, words: [] });
  });
  test.each(["at=3/91/0", "at=3/0/181", "at=23/0/0", "at=3//0", "at=3/0"])("to nowhere, as %s, is left out", (text) => {
    expect(readLink(`#${text}`).at).toBeUndefined();
  });
  test.each([["", ""], ["-1", "0"], ["2", "256"], ["x", "x"]])("with opacity %s and threshold %s has the usual ones", (opacity, threshold) => {
    const read = readLink(`#word=mini~e69f00~${opacity}~1~${threshold}~pool`).words[0]!;
    expect([read.opacity, read.threshold]).toEqual([0.85, null]);
  });
});
