// SPDX-License-Identifier: Apache-2.0
/** The gateway's own news on stderr: lines for people, or one JSON object a line for collectors. No secret is ever part of them. */
import type { Io } from './terminal.js';
import { shown } from './terminal.js';

export const LOG_FORMATS = ['text', 'json'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Told by how a line begins, as people are. */
function levelOf(line: string): 'error' | 'warn' | 'info' {
  if (/^(?:ALARM|error)\b/.test(line) || line.startsWith('the log stopped')) return 'error';
  return /^warning\b/i.test(line) ? 'warn' : 'info';
}

/** `{"time","level","pid","message"}` in JSON; `sepal: …` in text. */
export function logLines(io: Io, format: LogFormat): (line: string) => void {
  if (format === 'text') return (line) => io.err(`sepal: ${shown(line)}\n`);
  return (line) => {
    const time = new Date(io.now()).toISOString();
    const message = line.replace(/^(?:warning|WARNING|ALARM): /, '');
    io.err(`${JSON.stringify({ time, level: levelOf(line), pid: process.pid, message })}\n`);
  };
}
