// SPDX-License-Identifier: Apache-2.0
/** Takes checkpoints to the witnesses of the configuration while the gateway runs. */
import { Cosigner, type WitnessPlace } from './cosigner.js';

const EVERY_MS = 60_000;

export interface Cosigning {
  /** A last round, after which nothing runs any more. Call it when the log is closed, so that its last checkpoint is seen. */
  stop(): Promise<void>;
}

/** Rounds never overlap; a witness that does not answer is said once until it answers again. */
export function startCosigning(
  dir: string,
  witnesses: readonly WitnessPlace[],
  say: (line: string) => void,
): Cosigning {
  if (witnesses.length === 0) return { stop: () => Promise.resolve() };
  const cosigner = new Cosigner(dir, witnesses);
  const silent = new Set<string>();
  const round = async (): Promise<void> => {
    try {
      const result = await cosigner.round();
      if (result === null) return;
      for (const name of result.cosigned) silent.delete(name);
      for (const { name, why } of result.failed) {
        if (!silent.has(name)) say(`the witness ${name} did not cosign ${result.size} entries: ${why}`);
        silent.add(name);
      }
    } catch (error) {
      say(
        `the checkpoints could not be taken to the witnesses: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  let running: Promise<void> = round();
  const timer = setInterval(() => {
    running = running.then(round);
  }, EVERY_MS).unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
      await round();
    },
  };
}
