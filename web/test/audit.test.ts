import { beforeEach, expect, test, vi } from "vitest";

const decidePlaces = vi.hoisted(() => vi.fn());
const readAudit = vi.hoisted(() => vi.fn());
vi.mock("../src/api/client", async (original) => ({ ...(await original<object>()), decidePlaces, readAudit }));
vi.stubGlobal("document", { baseURI: "http://map/" });
const { ApiError } = await import("../src/api/client");
const { audit, closeAudit, decideNow, openAudit, unsaved } = await import("../src/state/audit.svelte");

const places = () => [1, 2, 3].map((id) => ({ id, lon: 0, lat: 0, class: "" }));
const sent = () => decidePlaces.mock.calls.at(-1)![1];
const decide = async (name: string) => {
  decideNow(name);
  await new Promise((done) => setTimeout(done));
};

beforeEach(async () => {
  vi.clearAllMocks();
  readAudit.mockImplementation(async () => ({ names: ["a"], places: places(), found: null, why: "" }));
  decidePlaces.mockImplementation(async () => ({ names: ["a"], places: places(), found: null, why: "" }));
  await openAudit("first");
});

test("what a server that is away did not hear is sent with the next decision", async () => {
  decidePlaces.mockRejectedValueOnce(new Error("away"));
  await decide("a");
  expect(unsaved()).toBe(true);
  await decide("?");
  expect(sent()).toEqual({ 1: "a", 2: "?" });
  expect(unsaved()).toBe(false);
});

test("what the server refused is not sent again", async () => {
  decidePlaces.mockRejectedValueOnce(new ApiError(400, "no such class"));
  await decide("x");
  await decide("a");
  expect(sent()).toEqual({ 2: "a" });
});

test("decisions of an audit that was closed do not go to another one", async () => {
  decidePlaces.mockRejectedValueOnce(new Error("away"));
  await decide("a");
  closeAudit();
  await openAudit("second");
  await decide("?");
  expect(decidePlaces.mock.calls.at(-1)).toEqual(["second", { 1: "?" }]);
});

test("an audit stays open until the server has heard all decisions", async () => {
  decidePlaces.mockRejectedValueOnce(new Error("away")).mockRejectedValueOnce(new Error("still away"));
  await decide("a");
  await expect(closeAudit()).rejects.toThrow("still away");
  expect(audit.job).toBe("first");
  await closeAudit();
  expect(decidePlaces.mock.calls.at(-1)).toEqual(["first", { 1: "a" }]);
  expect([audit.job, unsaved()]).toEqual([null, false]);
});

test.each([401, 403, 429, 503])("what was answered by %s for a while is not lost", async (status) => {
  decidePlaces.mockRejectedValueOnce(new ApiError(status, "later"));
  await decide("a");
  await decide("?");
  expect(sent()).toEqual({ 1: "a", 2: "?" });
});

test("what the server refused is shown as it is written", async () => {
  decidePlaces.mockRejectedValueOnce(new ApiError(400, "no such class"));
  await decide("x");
  expect(audit.sample!.places[0]!.class).toBe("");
});
