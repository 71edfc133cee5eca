// The one sentence that the page says at the moment, which screen readers hear too.
export const said = $state({ text: "", alarm: false });

export function say(text: string, alarm = false): void {
  said.text = text;
  said.alarm = alarm;
}

export const complain = (error: unknown): void => say(error instanceof Error ? error.message : String(error), true);
