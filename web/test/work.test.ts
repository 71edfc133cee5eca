import { describe, expect, test, vi } from "vitest";
import type { Job } from "../src/api/types";

const readJob = vi.hoisted(() => vi.fn());
vi.mock("../src/api/client", async (original) => ({ ...(await original<object>()), readJob }));
vi.stubGlobal("document", { baseURI: "http://map/" });
const { ApiError } = await import("../src/api/client");
const { follow, turns, work } = await import("../src/state/work.svelte");

const job = { id: "1", kind: "find", state: "running", body: {} } as unknown as Job;

describe("work that is followed", () => {
  test("fails, and is listed no more, where the server refuses to tell about it", async () => {
    readJob.mockRejectedValueOnce(new ApiError(401, "a token is needed"));
    await expect(follow(job)).rejects.toThrow("a token is needed");
    expect(work.jobs).toEqual([]);
  });
  test("was cancelled where the server does not know it any more", async () => {
    readJob.mockRejectedValueOnce(new ApiError(404, "unknown"));
    expect((await follow(job)).state).toBe("cancelled");
  });
  test("goes on while the server is away", async () => {
    vi.useFakeTimers();
    readJob.mockRejectedValueOnce(new ApiError(503, "later")).mockRejectedValueOnce(new Error("away"));
    readJob.mockResolvedValueOnce({ ...job, state: "done" });
    const end = follow(job);
    await vi.runAllTimersAsync();
    vi.useRealTimers();
    expect((await end).state).toBe("done");
  });
});

test("of answers that come late only the last that was asked for counts", () => {
  const turn = turns();
  const [first, second] = [turn(), turn()];
  expect([first(), second()]).toEqual([false, true]);
});
