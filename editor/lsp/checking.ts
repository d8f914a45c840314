// SPDX-License-Identifier: Apache-2.0
/**
 * When policies are checked, and what is said: at once after each edit without a look at every call, and once the author pauses
 * as `sepal check` does, in a thread. What belongs to an older text is dropped.
 */
import type { Connection, Diagnostic as LspDiagnostic } from 'vscode-languageserver';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.js';
import type { TestReport } from '../../compiler/testing/types.js';
import type { Span } from '../../grammar/tree.js';
import type { Background } from './background.js';
import type { Places } from './convert.js';
import type { OpenPolicy } from './policy.js';
import type { World } from './world.js';

/** After an edit; edits that come faster are one. */
const SOON_MS = 15;
const PAUSE_MS = 400;

export interface Opened {
  readonly uri: string;
  readonly policy: OpenPolicy;
  version: number;
}

interface Said {
  readonly version: number;
  readonly diagnostics: readonly Diagnostic[];
  readonly tests: readonly LspDiagnostic[];
}

export interface Surroundings {
  readonly connection: Connection;
  readonly world: World;
  readonly places: Places;
  readonly background: Background;
  readonly opened: ReadonlyMap<string, Opened>;
}

export class Checking {
  private readonly around: Surroundings;
  private readonly said = new Map<string, Said>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly pauses = new Map<string, NodeJS.Timeout>();

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** Checks a policy soon, and those that may import it, or share its lock. */
  soon(uri: string): void {
    clearTimeout(this.pauses.get(uri));
    clearTimeout(this.timers.get(uri));
    this.timers.set(
      uri,
      setTimeout(() => this.now(uri), SOON_MS),
    );
  }

  /** Checks everything that is open: a file around it changed. */
  all(but?: string): void {
    for (const uri of this.around.opened.keys()) if (uri !== but) this.soon(uri);
  }

  /** Findings of the text as it is; checks it where that has not been done. */
  findings(opened: Opened): readonly Diagnostic[] {
    const said = this.said.get(opened.uri);
    if (said?.version === opened.version) return said.diagnostics;
    return this.keep(opened, opened.policy.check()).diagnostics;
  }

  close(uri: string): void {
    clearTimeout(this.timers.get(uri));
    clearTimeout(this.pauses.get(uri));
    this.said.delete(uri);
    void this.around.connection.sendDiagnostics({ uri, diagnostics: [] });
    this.all();
  }

  /** What the tests of a policy say, until its text changes. */
  tested(opened: Opened, report: TestReport): void {
    const { path, text } = opened.policy;
    const tests = report.tests.flatMap(({ failures }) =>
      failures.map(({ span, question, expected, actual, notes }) => ({
        range: this.around.places.range(path, text, span),
        severity: 1 as const,
        source: 'sepal test',
        message: [`${question}: expected ${expected}, got ${actual}`, ...notes].join('\n'),
      })),
    );
    this.say(opened, { ...this.keep(opened, this.findings(opened)), tests });
  }

  private now(uri: string): void {
    this.timers.delete(uri);
    const opened = this.around.opened.get(uri);
    if (opened === undefined) return;
    const before = this.said.get(uri);
    this.say(opened, this.keep(opened, opened.policy.check()));
    const pause = setTimeout(() => void this.settle(opened, opened.version), PAUSE_MS);
    clearTimeout(this.pauses.get(uri));
    this.pauses.set(uri, pause);
    // Others are read with this text: once, and not in turns.
    if (before?.version !== opened.version) for (const other of this.others(uri)) this.soon(other);
  }

  private others(uri: string): readonly string[] {
    return [...this.around.opened.keys()].filter(
      (other) => other !== uri && this.said.has(other) && !this.timers.has(other),
    );
  }

  private async settle({ uri, policy }: Opened, version: number): Promise<void> {
    const { background, world, opened } = this.around;
    const job = { kind: 'check' as const, path: policy.path, edited: world.edited, title: null };
    const answer = await background.run(job).catch(() => null);
    const still = opened.get(uri);
    if (answer?.kind !== 'checked' || still?.version !== version) return;
    this.say(still, this.keep(still, answer.diagnostics));
  }

  private keep(opened: Opened, diagnostics: readonly Diagnostic[]): Said {
    const before = this.said.get(opened.uri);
    const tests = before?.version === opened.version ? before.tests : [];
    const said = { version: opened.version, diagnostics, tests };
    this.said.set(opened.uri, said);
    return said;
  }

  private say(opened: Opened, said: Said): void {
    const { connection, places } = this.around;
    const { policy, uri, version } = opened;
    this.said.set(uri, said);
    const from = importOf(policy);
    const diagnostics = said.diagnostics.map((d) => places.diagnostic(policy.path, d, from(d)));
    void connection.sendDiagnostics({ uri, version, diagnostics: [...diagnostics, ...said.tests] });
  }
}

/** The statement through which a policy reaches another file: the lock, or the first import. */
function importOf(policy: OpenPolicy): (d: Diagnostic) => Span {
  const { statements } = policy.cells.parsed.file;
  const kind = (d: Diagnostic): string => (d.primary.file.endsWith('.sep') ? 'import' : 'tools');
  return (d) => {
    const s = d.primary.file === policy.path ? undefined : statements.find((each) => each.kind === kind(d));
    return s === undefined ? { start: 0, end: 0 } : policy.cells.place(s.span);
  };
}
