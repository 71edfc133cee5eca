// Long work: jobs that the server does, which the page asks about until they end.
import { ApiError, readJob, startJob } from "../api/client";
import type { Bodies, Job } from "../api/types";

const PACE_MS = 250;
const PATIENCE_MS = 3000; // between questions to a server that does not answer, as while it is restarted

/** What is being done at the moment, and the maps and audits that are there, the newest first. */
export const work = $state<{ jobs: Job[]; made: Job[] }>({ jobs: [], made: [] });
const LASTING = ["segment", "change", "audit"]; // made maps, and audits of them

export const finished = (job: Job<unknown>): boolean => job.state !== "queued" && job.state !== "running";

export function keep(job: Job): void {
  if (job.state === "done" && LASTING.includes(job.kind)) work.made = [job, ...work.made.filter((each) => each.id !== job.id)];
  const at = work.jobs.findIndex((each) => each.id === job.id);
  if (finished(job)) work.jobs = work.jobs.filter((each) => each.id !== job.id);
  else if (at < 0) work.jobs.unshift(job);
  else work.jobs[at] = job;
}

const rest = (ms: number) => new Promise((resume) => setTimeout(resume, ms));

/** Asks about a job until it ends. A server that is away for a while is waited for. */
export async function follow<R>(first: Job, changed: (job: Job<R>) => void = () => {}): Promise<Job<R>> {
  let job = first as Job<R>;
  keep(job);
  changed(job);
  for (let pause = PACE_MS; !finished(job); await rest(pause)) {
    try {
      job = (await readJob(job.id)) as Job<R>;
      pause = PACE_MS;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status >= 500) pause = PATIENCE_MS;
      else job = { ...job, state: error.status === 404 ? "cancelled" : "failed", error: { message: error.message } };
    }
    keep(job);
    changed(job);
  }
  if (job.state === "failed") throw new Error(job.error?.["message"] ?? "The work failed.");
  return job;
}

/** For answers that may come late: each call begins a turn, and gives what tells whether it is still the last one. */
export function turns(): () => () => boolean {
  let last = 0;
  return () => {
    const mine = ++last;
    return () => mine === last;
  };
}

/** Starts work and follows it. The same work again is the same job, which may have ended already. */
export async function run<R, Kind extends keyof Bodies = keyof Bodies>(
  kind: Kind,
  body: Bodies[Kind],
  changed?: (job: Job<R>) => void,
): Promise<Job<R>> {
  return follow(await startJob(kind, body), changed);
}
