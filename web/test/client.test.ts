import { expect, test, vi } from "vitest";

vi.stubGlobal("document", { baseURI: "http://map/" });
const { explainError } = await import("../src/api/client");

const error = (body?: string) => Object.assign(new Error("AJAXError"), body === undefined ? {} : { status: 422, body: new Blob([body]) });

test.each([
  ['{"error": {"message": "x.tif is cut short"}}', "x.tif is cut short"],
  ["<html>", "The server answered 422."],
  [undefined, "AJAXError"],
])("an error of the map that holds %s is explained", async (body, why) => {
  expect(await explainError(error(body))).toBe(`Part of the map cannot be drawn: ${why}`);
});
