// SPDX-License-Identifier: Apache-2.0
/** Marks that pretend to be the frame of a conversation, and ways to hide text from people. */
import type { Hit, Rule } from '../rule.js';

const mark = (
  kind: string,
  id: string,
  anchors: readonly string[],
  confidence: number,
  check?: Rule['check'],
  reach = 16,
): Rule => ({
  id: `injection/${id}`,
  detector: 'injection',
  kind,
  anchors,
  reach,
  check: check ?? ((_text, at, anchor) => ({ start: at, end: at + anchor.length, confidence })),
});

/** At the start of a line, after spaces and marks of Markdown. */
function atLineStart(text: string, at: number): boolean {
  let i = at - 1;
  while (i >= 0 && at - i < 12 && ' \t#*>-_[<"\'`('.includes(text[i] ?? '')) i--;
  return i < 0 || text[i] === '\n' || text[i] === '\r';
}

const line =
  (confidence: number) =>
  (text: string, at: number, anchor: string): Hit | null =>
    atLineStart(text, at) ? { start: at, end: at + anchor.length, confidence } : null;

/** What follows a line of a role when it gives orders; recipes and inventories have such lines too. */
const TO_A_MODEL = [
  'ignore',
  'you are',
  'you must',
  'you may',
  'you will',
  'you can',
  'you should',
  'your ',
  'new ',
  'now ',
  'override',
  'overrid',
  'reveal',
  'disregard',
  'do not',
  'respond',
  'assistant',
  'the user',
  'this user',
  'the model',
  'execute',
  'grant',
  'disable',
  'enable',
  'bypass',
  'forward',
  'forget',
  'confidential',
  'unrestricted',
  'authorized',
  'approve',
  'transfer',
  'print',
  'output',
  'send',
  'always',
  'never',
  'call ',
  'treat',
  'safety',
];

function roleLine(text: string, at: number, anchor: string): Hit | null {
  if (!atLineStart(text, at)) return null;
  const after = text.slice(at + anchor.length, at + anchor.length + 160).toLowerCase();
  return TO_A_MODEL.some((word) => after.includes(word))
    ? { start: at, end: at + anchor.length, confidence: 0.55 }
    : null;
}

/** `[END OF DOCUMENT]`, `=== end of input ===`: on a line of its own, or between marks. */
function frame(text: string, at: number, anchor: string): Hit | null {
  const end = at + anchor.length;
  if (/^(?:begin|end) (?:system|admin|override|instructions)/.test(anchor))
    return atLineStart(text, at) ? { start: at, end, confidence: 0.6 } : null;
  const next = text[end] ?? '\n';
  const closed = '\n\r-=*#>])}.:_~|"\''.includes(next) || '-=*#<[({_~|'.includes(text[at - 1] ?? ' ');
  return atLineStart(text, at) && (closed || /^ ?[-=*#>\]]/.test(text.slice(end, end + 2)))
    ? { start: at, end, confidence: 0.6 }
    : null;
}

const FRAMED =
  /^(?:-|=| )*(?:of )?(?:the )?(?:user|system|document|context|prompt|input|data|email|text|instruction|message|conversation|admin|tool|content|page|file)/;

/** `--- END OF EMAIL ---`; not `-----END CERTIFICATE-----`. */
function ruledFrame(text: string, at: number, anchor: string): Hit | null {
  const end = at + anchor.length;
  return FRAMED.test(text.slice(end, end + 40).toLowerCase()) ? { start: at, end, confidence: 0.6 } : null;
}

/** A frame of two roles, as transcripts have them: one says little, both together more. */
function turn(text: string, at: number, anchor: string): Hit | null {
  if (!atLineStart(text, at)) return null;
  const other = text.slice(at, at + 600).toLowerCase();
  const second = anchor.toLowerCase().startsWith('assistant')
    ? /\n\s*(?:human|user):/
    : /\n\s*(?:assistant|ai|system):/;
  return second.test(other) ? { start: at, end: at + anchor.length, confidence: 0.5 } : null;
}

/** Comments and attributes that keep text out of sight, with words of orders in them. */
function hiddenMarkup(text: string, at: number): Hit | null {
  const close = text.slice(at + 4, at + 800).search(/-->|<\//);
  const inside = text.slice(at, close < 0 ? at + 400 : at + 4 + close).toLowerCase();
  const hints = HIDDEN_HINTS.filter((word) => inside.includes(word)).length;
  return hints >= 2 || HIDDEN_ORDERS.some((word) => inside.includes(word))
    ? { start: at, end: at + inside.length, confidence: 0.7 }
    : null;
}

/** One of them makes an order of hidden text; of the hints it takes two. */
const HIDDEN_ORDERS = [
  'ignore all',
  'ignore any',
  'ignore the',
  'ignore previous',
  'ignore prior',
  'ignore your',
  'disregard',
  'system prompt',
  'you must',
  'do not tell',
  "don't tell",
  'ai agent',
  'ai assistant',
  'ai:',
  'assistant:',
  'language model',
  'llm',
  'exfiltrate',
];
const HIDDEN_HINTS = [
  'instruction',
  'ignore',
  'assistant',
  'forward',
  'send ',
  ' ai ',
  'execute',
  'admin',
  'password',
  'secret',
  'http',
];

/** Words to a machine that reads what people wrote: comments, records, commit messages. */
const ADDRESSED = [
  'ai instruction',
  'agent instruction',
  'ai.instruction',
  'ai_instruction',
  'ai_note',
  'ai note:',
  'ai_override',
  'ai override',
  'ai_tool_call',
  'note to ai',
  'note to the ai',
  'note for ai',
  'dear assistant',
  'dear ai',
  'dear agent',
  'ai assistant reading',
  'ai reading this',
  'ai agent:',
  'ai code reviewer',
  'ai reviewer',
  'ai assistant:',
  'llm instruction',
  'assistant instruction',
  '{hidden',
  '[hidden',
  'hidden instruction',
  'system note:',
  'system directive',
  'instruction to the assistant',
  'instructions for the assistant',
  'for ai assistants',
  'for ai agents',
  'for ai models',
  'to the ai',
  'ai systems reading',
  'ai dependency',
  'ai scanner',
  'ai model:',
  'attention ai',
  'message to ai',
];

export const markRules: readonly Rule[] = [
  mark(
    'delimiter',
    'chat-token',
    [
      '<|im_start|>',
      '<|im_end|>',
      '<|system|>',
      '<|user|>',
      '<|assistant|>',
      '<|endoftext|>',
      '<|end_of_turn|>',
      '<start_of_turn>',
      '<|start_header_id|>',
      '<|eot_id|>',
      '[/inst]',
      '[inst]',
      '<<sys>>',
      '<</sys>>',
      '<|begin_of_text|>',
    ],
    0.85,
  ),
  mark(
    'delimiter',
    'role-tag',
    [
      '<system>',
      '</system>',
      '<sys>',
      '[system]',
      '[/system]',
      '<system_prompt>',
      '<|channel|>',
      '[system message]',
      '[system_message]',
      '<instructions>',
      '</instructions>',
      '<admin>',
      '[admin]',
      '{{#system',
      '<system-reminder>',
      '[system instruction',
      '[system override',
      '[system note',
    ],
    0.7,
  ),
  mark(
    'delimiter',
    'important-tag',
    [
      '<important>',
      '</important>',
      '<secret>',
      '<hidden>',
      '[important]',
      '<critical>',
      '<override>',
      '[override]',
      '<priority>',
    ],
    0.4,
  ),
  mark(
    'delimiter',
    'system-line',
    [
      'system:',
      'system prompt:',
      'system message:',
      'system override:',
      'system instruction:',
      'system note:',
      '[system]:',
      'admin:',
      'developer:',
      'instruction:',
      'new instructions:',
      'instructions:',
      'override:',
      'system update:',
      'assistant instructions:',
      'sysadmin:',
    ],
    0.55,
    roleLine,
    260,
  ),
  mark(
    'delimiter',
    'frame',
    [
      'end of document',
      'end of context',
      'end of user input',
      'end of prompt',
      'begin system',
      'end system',
      'begin admin',
      'begin new',
      'start of system',
      'begin instructions',
      'end of text',
      '[text end]',
      'end of input',
      'end of data',
      'begin override',
      'end of email',
    ],
    0.6,
    frame,
    64,
  ),
  mark('delimiter', 'ruled-frame', ['---end', '===end', '--- end', '=== end'], 0.6, ruledFrame, 64),
  mark('delimiter', 'override-word', ['admin_override', 'system_override', 'override_safety'], 0.6),
  mark('delimiter', 'turns', ['human:', 'user:', 'assistant:'], 0.5, turn, 2000),
  mark(
    'tool-poisoning',
    'call-syntax',
    [
      '"function_call"',
      '<tool_call>',
      '<function_calls>',
      '<invoke name=',
      '"tool_calls"',
      '<function=',
      'function_call:',
      '```tool_code',
      '<tool_use>',
      '[tool_call]',
      '<function_call>',
    ],
    0.55,
  ),
  mark('addressed', 'addressed', ADDRESSED, 0.6),
  mark(
    'delimiter',
    'tool-result',
    [
      '[tool result',
      '[tool response',
      '[tool: ',
      '[tool output',
      '[function result',
      '[retrieved',
      '<tool_result',
    ],
    0.55,
    line(0.55),
  ),
  mark(
    'jailbreak',
    'switch',
    [
      'disable_safety',
      'override_safety',
      'overridesafety',
      'safety_override',
      'unrestricted_access',
      '"safety": false',
      '"safety":false',
      '"unrestricted": true',
      '"unrestricted":true',
      '"safety": "disabled"',
      'bypass_filter',
      'read_system_prompt',
      'ignore_previous',
      'no_filter',
      'x-mcp-override',
      'disable_filters',
      'admin_mode',
      'god_mode',
      'unsafe_respond',
    ],
    0.65,
  ),
  mark('hidden-text', 'comment', ['<!--'], 0.7, hiddenMarkup, 5000),
  mark(
    'hidden-text',
    'style',
    [
      'display:none',
      'display: none',
      'font-size:0',
      'font-size: 0',
      'visibility:hidden',
      'visibility: hidden',
      'color:white',
      'color: white',
      'opacity:0',
      'opacity: 0',
      'aria-hidden',
    ],
    0.6,
    hiddenMarkup,
    5000,
  ),
  mark(
    'jailbreak',
    'name',
    [
      'jailbreak mode',
      'dan mode',
      'do anything now',
      'developer mode enabled',
      'developer mode v2',
      'evil-bot',
      'evil bot',
      'aim mode',
      'stan mode',
      'jailbroken',
      'godmode',
      'god mode',
      'unfiltered mode',
      'unrestricted mode',
    ],
    0.7,
  ),
  mark(
    'delimiter',
    'sql-like',
    [
      '--show-system-prompt',
      '/debug --dump',
      'sudo mode',
      '/system ',
      '/admin ',
      '/override',
      'system.prompt',
      'echo $system_prompt',
      '${system_prompt}',
      '{{system_prompt}}',
      'dump_all_context',
    ],
    0.75,
  ),
];
