// SPDX-License-Identifier: Apache-2.0
// The shapes in which clients keep their servers, each as its client writes it.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readClientFile } from '../../../cli/client-file.js';

const folder = (): string => mkdtempSync(join(tmpdir(), 'sepal-client-'));

function take(text: string, dir = folder(), name = 'client.json') {
  const file = join(dir, name);
  writeFileSync(file, text);
  return readClientFile(file);
}

describe('servers of a client', () => {
  it('Claude Desktop: command, args, env', () => {
    const { servers, notes } = take(
      JSON.stringify({
        globalShortcut: 'x',
        mcpServers: { fs: { command: 'npx', args: ['-y', 'x'], env: { A: 'b' } } },
      }),
    );
    expect(servers).toEqual({ fs: { command: 'npx', args: ['-y', 'x'], env: { A: 'b' } } });
    expect(notes).toEqual([]);
  });

  it('Claude Code: types, headers, ${VAR} and defaults', () => {
    const { servers, notes } = take(
      JSON.stringify({
        mcpServers: {
          api: {
            type: 'http',
            url: '${BASE:-https://x.example}/mcp',
            headers: { Authorization: 'Bearer ${KEY}' },
          },
          local: { type: 'stdio', command: 'node', args: ['a.js'] },
        },
      }),
    );
    expect(servers).toEqual({
      api: { type: 'http', url: '${env:BASE}/mcp', headers: { Authorization: 'Bearer ${env:KEY}' } },
      local: { command: 'node', args: ['a.js'] },
    });
    expect(notes).toEqual(['the default of `${BASE:-https://x.example}` was left out: BASE must be set']);
  });

  it('Cursor: envFile, ${env:…}, ${workspaceFolder}; the values of the file stay in it', () => {
    const dir = folder();
    mkdirSync(join(dir, '.cursor'));
    writeFileSync(join(dir, '.env'), '# keys\nexport TOKEN="s3 cret"\nPLAIN=x # said\nnot a line\n');
    const server = {
      command: 'node',
      args: ['${workspaceFolder}/s.js', '${userHome}'],
      envFile: '.env',
      env: { B: '${env:B}' },
    };
    const { servers, notes, env } = take(
      JSON.stringify({ mcpServers: { s: server } }),
      join(dir, '.cursor'),
      'mcp.json',
    );
    expect(servers).toEqual({
      s: {
        command: 'node',
        args: [`${dir}/s.js`, homedir()],
        env: { TOKEN: '${env:TOKEN}', PLAIN: '${env:PLAIN}', B: '${env:B}' },
      },
    });
    expect(env).toEqual({ TOKEN: 's3 cret', PLAIN: 'x' });
    expect(JSON.stringify([servers, notes])).not.toContain('s3 cret');
    expect(notes.join()).toContain('TOKEN, PLAIN');
  });

  it('VS Code: `servers` with inputs, comments and commas at ends; in the settings below `mcp`', () => {
    const text = `{
      // asked once
      "inputs": [{ "type": "promptString", "id": "api-key", "description": "a // no comment", "password": true },],
      "servers": { /* one */ "s": { "type": "stdio", "command": "node", "args": ["a,]", "\\"//x"], "env": { "KEY": "\${input:api-key}" }, }, },
    }`;
    const { servers, notes } = take(text);
    expect(servers).toEqual({
      s: { command: 'node', args: ['a,]', '"//x'], env: { KEY: '${env:API_KEY}' } },
    });
    expect(notes).toEqual([
      'what the client asks you for (`api-key`) is read from the environment variable API_KEY',
    ]);
    expect(
      take(JSON.stringify({ 'editor.x': 1, mcp: { servers: { s: { url: 'https://x.example' } } } })).servers,
    ).toEqual({
      s: { url: 'https://x.example' },
    });
  });

  it('Cline, Windsurf, Gemini: switched off ones are left out, what asks less of a person is remarked', () => {
    const { servers, notes } = take(
      JSON.stringify({
        mcpServers: {
          a: { command: 'x', disabled: false, autoApprove: ['t'], timeout: 60 },
          b: { serverUrl: 'https://b.example/mcp' },
          c: { httpUrl: 'https://c.example/mcp', trust: true },
          d: { command: 'y', disabled: true },
        },
      }),
    );
    expect(Object.keys(servers)).toEqual(['a', 'b', 'c']);
    expect(servers).toMatchObject({
      b: { url: 'https://b.example/mcp' },
      c: { url: 'https://c.example/mcp' },
    });
    expect(notes).toHaveLength(3);
  });

  it.each([
    ['{"mcpServers":{"s":{"type":"sse","url":"https://x"}}}', 'the server `s` is of type "sse"'],
    [
      '{"mcpServers":{"s":{"command":"x","args":["${selectedText}","${a b}"]}}}',
      '`${a b}` means something to the client only',
    ],
    [
      '{"mcpServers":{"s":{"command":"x","sandbox":{}}}}',
      'the server `s` has `sandbox`, which cannot be taken over',
    ],
    ['{"mcpServers":{"s":{"command":"x","disabled":true}}}', 'is switched off'],
    ['{"mcpServers":{}}', 'has no `mcpServers`'],
    ['{"mcpServers":{"s":{"command":"x"},"s":{}}}', 'is not JSON'],
    ['[', 'is not JSON'],
  ])('refuses %s', (text, message) => {
    expect(() => take(text)).toThrow(message);
  });
});
