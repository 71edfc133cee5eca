// Undo: each act leaves behind how it is taken back.
type Step = { title: string; back: () => void };

export const history = $state<{ steps: Step[] }>({ steps: [] });

export function remember(title: string, back: () => void): void {
  history.steps.push({ title, back });
}

/** Takes the last act back, and says which it was. */
export function undo(): string | null {
  const step = history.steps.pop();
  step?.back();
  return step?.title ?? null;
}
