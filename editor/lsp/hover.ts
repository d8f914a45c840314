// SPDX-License-Identifier: Apache-2.0
/** What stands under the pointer: tools with their arguments, arguments with their types, names with where they come from. */
import { argPath } from '../../compiler/narrow.js';
import type { Inspected } from '../../compiler/inspect.js';
import type { HintsIr } from '../../compiler/ir.js';
import type { PinnedTool } from '../../compiler/lock.js';
import { describeType } from '../../compiler/types.js';
import type * as tree from '../../grammar/tree.js';
import { code, foreign, policyCode } from './markdown.js';
import { aboutOf, type Reading, type Readings, typeOf, within } from './reading.js';
import { foundAt, type Target } from './resolve.js';
import { type Argument, argumentAt, argumentsOf, toolsOf, toolsOfAct } from './tools.js';
import { nodesAt } from './nodes.js';
import { WORDS } from './words.js';

export interface Hover {
  readonly markdown: string;
  /** Among the spans of the statement. */
  readonly span: tree.Span;
}

interface At {
  readonly statement: tree.Statement;
  readonly offset: number;
}

/** Null where there is nothing to say. */
export function hoverAt(readings: Readings, reading: Reading, at: At): Hover | null {
  const found = foundAt(readings, reading, at);
  if (found !== null) return { markdown: describe(readings, reading, found.target), span: found.name.span };
  return inTree(reading, at) ?? ofWord(reading, at);
}

function inTree(reading: Reading, at: At): Hover | null {
  for (const node of nodesAt(at.statement, at.offset).toReversed()) {
    if (!('kind' in node)) continue;
    if (node.kind === 'act') return ofAct(reading.inspect(), node as tree.Act);
    const path = argPath(node as tree.Expr);
    if (path !== null && path.length > 0) return ofArgument(reading.inspect(), at, node, path);
    if (node.kind === 'member' || node.kind === 'call')
      return ofExpression(reading.inspect(), at, node as tree.Expr);
  }
  return null;
}

const SHOWN = 12;

function ofAct(inspected: Inspected, act: tree.Act): Hover | null {
  const tools = toolsOfAct(inspected, act);
  const [only] = tools;
  if (act.act !== 'tool' || inspected.lock === null) return null;
  if (only === undefined) return { markdown: 'no pinned tool has this name', span: act.span };
  if (tools.length === 1) return { markdown: toolText(only), span: act.span };
  const lines = tools.slice(0, SHOWN).map((tool) => `- ${code(`${tool.server}/${tool.name}`)}`);
  const more = tools.length > SHOWN ? `\n- and ${tools.length - SHOWN} more` : '';
  return { markdown: `${tools.length} pinned tools\n\n${lines.join('\n')}${more}`, span: act.span };
}

export function toolText(tool: PinnedTool): string {
  const args = argumentsOf([tool], []).slice(0, 40);
  const said = tool.description === '' ? '' : `\n\n${foreign(tool.description)}`;
  const lines = args.map((argument) => `- ${argumentText(argument)}`);
  const list = lines.length === 0 ? 'no arguments' : lines.join('\n');
  return `**tool** ${code(`${tool.server}/${tool.name}`)}${said}\n\n${list}\n\n${hintsText(tool.hints)}`;
}

function hintsText(hints: HintsIr): string {
  const words = [
    hints.readOnly ? 'reads only' : hints.destructive ? 'may destroy' : 'adds only',
    hints.openWorld ? 'reaches the open world' : 'stays inside',
  ];
  return `hints of the server, which may only tighten: ${words.join(', ')}`;
}

function argumentText({ name, type, required, description }: Argument): string {
  const said = description === '' ? '' : `: ${foreign(description)}`;
  return `${code(name)}, ${escapedType(type)}${required ? '' : ', optional'}${said}`;
}

/** Members of enums come from schemas. */
const escapedType = (type: string): string =>
  type.replaceAll(/`([^`]*)`/g, (_all, name: string) => code(name)).slice(0, 400);

function ofArgument(inspected: Inspected, at: At, node: tree.Node, path: readonly string[]): Hover | null {
  const { what } = aboutOf(at.statement, at.offset);
  const argument = argumentAt(toolsOf(inspected, what), path);
  if (argument === null) return null;
  const name = ['args', ...path].join('.');
  return { markdown: `**argument** ${argumentText({ ...argument, name })}`, span: node.span };
}

function ofExpression(inspected: Inspected, at: At, e: tree.Expr): Hover | null {
  const type = typeOf(inspected, at.statement, e);
  if (type === null) return null;
  const name = e.kind === 'call' ? e.callee.text : e.kind === 'member' ? e.property.text : '';
  const said = WORDS.get(name);
  return {
    markdown: `${code(name)}: ${escapedType(describeType(type))}${said === undefined ? '' : `\n\n${said}`}`,
    span: e.span,
  };
}

/** A name, as its statement gives it, with the comment above. */
export function describe(readings: Readings, from: Reading, target: Target): string {
  const { reading, definition } = target;
  const { statement, kind, name } = definition;
  const where = reading.path === from.path ? '' : `\n\nof ${code(reading.path.split('/').at(-1) ?? '')}`;
  if (kind === 'parameter') {
    const type =
      definition.type === null
        ? 'an element of the list'
        : reading.text.slice(...range(reading, definition.type));
    return `**parameter** ${code(name.text)}: ${code(type)}`;
  }
  if (statement.kind === 'role') {
    const value = statement.roles.find((role) => role.name === name)?.value?.value;
    const carried = value === undefined ? '' : `, which credentials carry as ${code(value)}`;
    return `**role** ${code(name.text)}${carried}${where}`;
  }
  const text = reading.text.slice(...range(reading, statement));
  const type =
    statement.kind === 'let' && statement.params.length === 0
      ? typeOf(reading.inspect(), statement, statement.body)
      : null;
  const of = type === null || type.kind === 'any' ? '' : `\n\n${escapedType(describeType(type))}`;
  const comment = commentAbove(reading.text, range(reading, statement)[0]);
  return `${policyCode(shortened(text))}${of}${comment === '' ? '' : `\n\n${foreign(comment)}`}${where}`;
}

const range = (reading: Reading, node: tree.Node): [number, number] => {
  const { start, end } = reading.place(node.span);
  return [start, end];
};

const MAX_LINES = 12;

function shortened(text: string): string {
  const lines = text.split('\n');
  return lines.length <= MAX_LINES ? text : `${lines.slice(0, MAX_LINES).join('\n')}\n// …`;
}

/** The lines of comment that stand right above. */
function commentAbove(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n').slice(0, -1);
  const own: string[] = [];
  for (let line = lines.pop()?.trim(); line?.startsWith('//') === true; line = lines.pop()?.trim()) {
    own.unshift(line.slice(2).trim());
  }
  return own.join(' ');
}

function ofWord(reading: Reading, at: At): Hover | null {
  const { start } = reading.place({ start: at.offset, end: at.offset });
  const before = /[A-Za-z_]*$/.exec(reading.text.slice(Math.max(0, start - 40), start))?.[0] ?? '';
  const after = /^[A-Za-z_]*/.exec(reading.text.slice(start, start + 40))?.[0] ?? '';
  const said = WORDS.get(before + after);
  if (said === undefined) return null;
  const span = { start: at.offset - before.length, end: at.offset + after.length };
  return within(at.statement.span, span.start)
    ? { markdown: `${code(before + after)}: ${said}`, span }
    : null;
}
