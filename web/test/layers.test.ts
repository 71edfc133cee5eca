import { beforeEach, expect, test, vi } from "vitest";

const startJob = vi.hoisted(() => vi.fn());
const readFeatures = vi.hoisted(() => vi.fn());
vi.mock("../src/api/client", async (original) => ({ ...(await original<object>()), startJob, readFeatures }));
vi.stubGlobal("document", { baseURI: "http://map/" });
const { addWords, heat, layers } = await import("../src/state/layers.svelte");
const { workspace } = await import("../src/state/workspace.svelte");

const job = (state: string, more: object = {}) => ({ id: "1", kind: "heat", state, body: {}, result: null, ...more });

beforeEach(() => {
  layers.all = [];
  workspace.area = null;
  startJob.mockReset();
  readFeatures.mockReset().mockImplementation(async (id: string) => ({ features: [{ properties: { name: "a", of: id } }] }));
});

const done = (id: string, more: object = {}) => job("done", { id, kind: "find", result: {}, ...more });
const shownOf = (layer: (typeof layers.all)[0]) => layer.objects?.features[0]?.properties?.["of"];

async function makeLayer(): Promise<(typeof layers.all)[0]> {
  const names = [{ name: "a", default_value: 128 }];
  startJob.mockResolvedValueOnce(job("done", { id: "heat", result: { names, counts: { a: 1 } } }));
  await addWords("a", "mini", "s");
  await vi.waitFor(() => expect(shownOf(layers.all[0]!)).toBe("heat"));
  return layers.all[0]!;
}

test("objects that come late do not replace those that were asked for since", async () => {
  const layer = await makeLayer();
  let late = (_: object): void => {};
  readFeatures.mockImplementationOnce(() => new Promise((come) => (late = come)));
  startJob.mockResolvedValueOnce(done("early")).mockResolvedValueOnce(done("last"));
  layer.threshold = 100;
  layer.rest(0);
  await vi.waitFor(() => expect(readFeatures).toHaveBeenLastCalledWith("early", "objects"));
  layer.threshold = 200;
  layer.rest(0);
  await vi.waitFor(() => expect(shownOf(layer)).toBe("last"));
  late({ features: [{ properties: { name: "a", of: "early" } }] });
  await new Promise((wait) => setTimeout(wait));
  expect([shownOf(layer), layer.found?.id]).toEqual(["last", "last"]);
});

test.each(["failed", "cancelled"])("objects of another threshold are not shown where those of this one %s", async (state) => {
  const layer = await makeLayer();
  startJob.mockResolvedValueOnce(done("x", { state, error: { message: "no" } }));
  layer.threshold = 200;
  layer.rest(0);
  await vi.waitFor(() => expect(layer.objects).toBeNull());
});

test("objects are found again for another area, once, whenever they are shown", async () => {
  const layer = await makeLayer();
  layer.fit();
  workspace.area = { type: "Polygon", coordinates: [] };
  expect(layer.area).toBeNull(); // what is known is of the whole scene
  startJob.mockResolvedValueOnce(done("within"));
  layer.fit();
  await vi.waitFor(() => expect(shownOf(layer)).toBe("within"));
  layer.fit();
  await new Promise((wait) => setTimeout(wait, 20));
  expect(startJob.mock.calls.map(([kind]) => kind)).toEqual(["heat", "find"]);
  expect(startJob.mock.calls[1]![1].area).toEqual(workspace.area);
});

test("marked places stay when a word cannot be looked for again", async () => {
  const layer = await makeLayer();
  layer.marks.push({ right: true, at: [0, 0] });
  startJob.mockResolvedValueOnce(job("cancelled", { id: "again" }));
  await heat([layer]);
  expect(layers.all[0]!.marks).toHaveLength(1);
  expect([layer.ready, layer.objects, layer.found]).toEqual([false, null, null]); // of the heat of before
});

test("a word is called as all results call it", async () => {
  startJob.mockResolvedValueOnce(job("done", { result: { names: [{ name: "big house" }, { name: "a" }], counts: { "big house": 2, a: 1 } } }));
  await addWords(' "big   house"; a', "mini", "s");
  expect(layers.all.map((layer) => [layer.word, layer.why])).toEqual([["big house", ""], ["a", ""]]);
});

test("words that the server refuses leave no card", async () => {
  startJob.mockRejectedValueOnce(new Error("too long"));
  await expect(addWords("a, b", "mini", "s")).rejects.toThrow("too long");
  expect(layers.all).toEqual([]);
});

test("words that cannot be looked for leave no card, and those that were found stay", async () => {
  startJob.mockResolvedValueOnce(job("done", { result: { names: [{ name: "a" }], counts: { a: 1 } } }));
  await addWords("a", "mini", "s");
  startJob.mockResolvedValueOnce(job("failed", { error: { message: "unknown" } }));
  await expect(addWords("b", "mini", "s")).rejects.toThrow("unknown");
  startJob.mockResolvedValueOnce(job("cancelled"));
  await addWords("c", "mini", "s");
  expect(layers.all.map((layer) => layer.word)).toEqual(["a"]);
});

test("objects are those that the scene gives until its threshold is moved", async () => {
  const names = [{ name: "a", default_value: 128 }];
  startJob.mockResolvedValueOnce(job("done", { result: { names, counts: { a: 1 } } }));
  await addWords("a", "mini", "s");
  const layer = layers.all[0]!;
  for (const [threshold, wanted] of [[128, null], [191, 0.748], [128, null]]) {
    startJob.mockClear().mockResolvedValueOnce(job("done", { kind: "find", result: {} }));
    layer.threshold = threshold!;
    layer.rest(0);
    await vi.waitFor(() => expect(startJob).toHaveBeenCalledOnce());
    expect(startJob.mock.calls[0]![1].options.min_score).toBe(wanted);
  }
});
