// SPDX-License-Identifier: Apache-2.0
/** Who and what, as the reference interpreter reads them. */
import type { GlobIr, WhatIr, WhatTermIr, WhoIr, WhoTermIr } from './ir.js';

export function inWho(who: WhoIr, id: string, roles: readonly string[]): boolean {
  const term = (t: WhoTermIr): boolean => {
    switch (t.kind) {
      case 'any':
        return true;
      case 'principal':
        return globMatches(t.glob, id);
      case 'role':
        return roles.includes(t.value);
      case 'set':
        return inWho(t.who, id, roles);
    }
  };
  return who.include.some(term) && !who.except.some(term);
}

export function inWhat(what: WhatIr, kind: string, server: string, name: string): boolean {
  const term = (t: WhatTermIr): boolean => {
    switch (t.kind) {
      case 'every':
        return t.toolsOnly ? kind === 'tool' : true;
      case 'act':
        return (
          t.act === kind && globMatches(t.server, server) && (t.name === null || globMatches(t.name, name))
        );
      case 'set':
        return inWhat(t.what, kind, server, name);
    }
  };
  return what.include.some(term) && !what.except.some(term);
}

/** By backtracking over the pattern's characters. */
export function globMatches(glob: GlobIr, text: string): boolean {
  const from = (part: number, at: number): boolean => {
    const piece = glob.parts[part] ?? '';
    if (!text.startsWith(piece, at)) return false;
    const end = at + piece.length;
    if (part === glob.gaps.length) return end === text.length;
    for (let next = end; next <= text.length; next++) {
      if (from(part + 1, next)) return true;
      if (glob.gaps[part] === 'segment' && text[next] === '/') return false;
    }
    return false;
  };
  return from(0, 0);
}
