import { expect, test, vi } from "vitest";

class Element {
  constructor(readonly within: string) {}
  closest = (wanted: string) => (this.within && wanted.split(/[ ,]+/).includes(this.within) ? this : null);
}
vi.stubGlobal("HTMLElement", Element);
vi.stubGlobal("document", { baseURI: "http://map/" });
vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => {} }));
vi.stubGlobal("localStorage", { getItem: () => null });
const { keyPressed, panelKeys } = await import("../src/ui/keys");

const press = (more: object = {}, within = "") =>
  keyPressed({ key: "1", target: new Element(within), preventDefault: () => {}, ...more } as unknown as KeyboardEvent, () => {});

test("a key decides a place once, and none while something else is open", () => {
  const decide = vi.fn();
  panelKeys.acts = { "1": decide };
  press();
  expect(decide).toHaveBeenCalledTimes(1);
  press({ repeat: true });
  press({}, "dialog");
  press({}, "textarea");
  expect(decide).toHaveBeenCalledTimes(1);
});
