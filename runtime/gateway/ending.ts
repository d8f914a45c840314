// SPDX-License-Identifier: Apache-2.0

export interface Ending {
  readonly signal: AbortSignal;
  end(): void;
}

/** An abort signal that is made when somebody asks for it: of most requests nobody does, and making and firing one takes its time. */
export function ending(reason: Error): Ending {
  let controller: AbortController | null = null;
  let over = false;
  return {
    get signal() {
      if (controller === null) {
        controller = new AbortController();
        if (over) controller.abort(reason);
      }
      return controller.signal;
    },
    end: () => {
      over = true;
      controller?.abort(reason);
    },
  };
}
