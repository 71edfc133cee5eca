import { beforeEach, expect, test, vi } from "vitest";

const startJob = vi.hoisted(() => vi.fn());
vi.mock("../src/api/client", async (original) => ({ ...(await original<object>()), startJob, readFeatures: async () => ({ features: [] }) }));
vi.stubGlobal("document", { baseURI: "http://map/" });
const { addWords, layers } = await import("../src/state/layers.svelte");

const job = (state: string, more: object = {}) => ({ id: "1", kind: "heat", state, body: {}, result: null, ...more });

beforeEach(() => void (layers.all = []));

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
