// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../runtime/config.js';

const base = {
  policy: 'policies/main.sep',
  mcpServers: { fs: { command: 'node', args: ['server.js', '/srv'] } },
  receipts: { origin: 'gw.example.com/log' },
};
const read = (value: unknown, env: Record<string, string> = {}) =>
  readConfig(
    typeof value === 'string' ? value : JSON.stringify(value, null, 2),
    '/etc/sepal/sepal.json',
    env,
  );
const errorsOf = (value: unknown, env: Record<string, string> = {}) => {
  const result = read(value, env);
  return result.ok ? [] : result.errors;
};

describe('sepal.json', () => {
  it('fills defaults and resolves paths from the file', () => {
    const result = read(base);
    expect(result.ok).toBe(true);
    if (!result.ok) return;
    expect(result.config.policy).toBe('/etc/sepal/policies/main.sep');
    expect(result.config.receipts).toEqual({
      epoch: { entries: 1_000_000, hours: 24 },
      keyFrom: {},
      origin: 'gw.example.com/log',
      dir: '/etc/sepal/.sepal/log',
      keys: '/etc/sepal/.sepal/keys',
      checkpointSeconds: 1,
      disclose: 'reads',
      witnesses: [],
    });
    expect(result.config.listen.http).toEqual({ host: '127.0.0.1', port: 4002 });
    expect(result.config.listen.limits.perCredential).toEqual({ count: 600, windowMs: 60_000 });
    expect(result.config.identity.sessionIdleMs).toBe(1_800_000);
    expect(result.config.servers.get('fs')).toMatchObject({
      kind: 'stdio',
      perPrincipal: true,
      maxProcesses: 20,
      maxInFlight: 2048,
      share: 0.02,
      cwd: '/etc/sepal',
    });
  });

  it('reads fact services, with secrets in their headers from the environment', () => {
    const facts = {
      ticket: {
        url: 'https://tickets.example.com/state',
        headers: { authorization: '${env:KEY}' },
        timeout: '200ms',
      },
    };
    const read = readConfig(JSON.stringify({ ...base, facts }), '/etc/sepal/sepal.json', { KEY: 'secret' });
    expect(read.ok && read.config.facts.get('ticket')).toEqual({
      url: 'https://tickets.example.com/state',
      headers: { authorization: 'secret' },
      timeoutMs: 200,
    });
    expect(errorsOf({ ...base, facts })[0]?.message).toContain('`KEY` is not set');
    expect(errorsOf({ ...base, facts: { t: { url: 'https://${env:KEY}/' } } })).not.toEqual([]);
    expect(errorsOf({ ...base, facts: { t: { url: 'file:///etc' } } })).not.toEqual([]);
  });

  it("reads a server's share of the gateway's time as a percentage", () => {
    const of = (share: unknown) => ({ ...base, mcpServers: { fs: { command: 'x', share } } });
    const read = readConfig(JSON.stringify(of(7.5)), '/etc/sepal/sepal.json', {});
    expect(read.ok && read.config.servers.get('fs')?.share).toBe(0.075);
    for (const share of [0, 101, -1, '5%'])
      expect(errorsOf(of(share))[0]).toMatchObject({ path: 'mcpServers.fs.share' });
  });

  it('names an unknown key, where it stands and what was meant', () => {
    const [error] = errorsOf(
      '{\n  "policy": "a.sep",\n  "mcpServer": {},\n  "mcpServers": {},\n  "receipts": {"origin": "x"}\n}',
    );
    expect(error).toMatchObject({
      path: 'mcpServer',
      line: 3,
      message: 'unknown key `mcpServer`',
      help: 'did you mean `mcpServers`?',
    });
  });

  it('suggests keys inside records and nested objects', () => {
    const nested = {
      ...base,
      mcpServers: { fs: { comand: 'node' } },
      listen: { limits: { perCredentials: '1/1m' } },
    };
    const errors = errorsOf(nested);
    expect(errors.map((e) => e.help)).toContain('did you mean `command`?');
    expect(errors.map((e) => e.help)).toContain('did you mean `perCredential`?');
  });

  it.each([
    ['console', { console: { http: '127.0.0.1:4003' } }],
    ['store', { store: 'postgres://db' }],
    ['unpinned', { unpinned: 'review' }],
  ])('refuses %s as not supported yet', (path, extra) => {
    const errors = errorsOf({ ...base, ...extra });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ path, message: `\`${path}\` is not supported yet` });
  });

  describe('identity.jwt', () => {
    const jwt = {
      issuer: 'https://id.example.com',
      audience: 'https://gw.example.com/mcp',
      jwksUri: 'https://id.example.com/jwks',
      principal: 'agent:${claim.act.sub}',
    };
    const faults = (more: object): readonly string[] =>
      errorsOf({ ...base, identity: { jwt: { ...jwt, ...more } } }).map(({ message }) => message);

    it.each([
      [{ jwksUri: 'http://id.example.com/jwks' }, 'keys must come over https'],
      [{ algorithms: ['HS256'] }, '`HS256` is not an algorithm with a public key'],
      [{ algorithms: ['none'] }, '`none` is not an algorithm with a public key'],
      [{ principal: '${claim.sub}' }, 'it must begin with `agent:`, `user:` or `service:`'],
      [{ principal: 'agent:${env:HOME}' }, 'only `${claim.NAME}` can be substituted here'],
      [{ principal: 'agent:${claim.' }, 'only `${claim.NAME}` can be substituted here'],
      [{ principal: 'agent:${claim.a}${claim.b}' }, 'two claims need text between them'],
      [{ clockSkew: '1h' }, 'clocks may differ by 5 minutes at most'],
      [{ scopes: { baseline: ['*'] } }, '"*" is no scope'],
      [{ scopes: { actions: { w: ['fs write'] } } }, expect.stringContaining('is no action pattern')],
    ])('refuses %j', (more, message) => {
      expect(faults(more)).toEqual([message]);
    });

    it('takes several audiences, claims by path and by a name that is a URL', () => {
      expect(
        faults({ audience: ['a', 'b'], rolesClaim: 'https://x.example/roles', userRolesClaim: 'a.b' }),
      ).toEqual([]);
    });
  });

  it('takes witnesses by verifier keys of type 0x04 only', () => {
    const own = 'w.example.org/w1+9b41ad2e+AWWLz9sYmMXVwhulpGs8vq5QkIceflRphrjktp3V9BoV';
    const witnesses = [{ url: 'https://w.example.org', key: own }];
    const errors = errorsOf({ ...base, receipts: { origin: 'x', witnesses } });
    expect(errors.map((e) => e.message)).toEqual([
      '`receipts.witnesses.0.key` is not the verifier key of a witness',
    ]);
  });

  it('accepts the defaults of what it does not support', () => {
    expect(
      errorsOf({
        ...base,
        console: null,
        store: 'embedded',
        facts: {},
        trustedPublishers: [],
        unpinned: 'deny',
      }),
    ).toEqual([]);
  });

  it('substitutes the environment in servers only, and never prints the value', () => {
    const servers = {
      web: { url: 'https://t.example.com/mcp', headers: { Authorization: 'Bearer ${env:TOKEN}' } },
    };
    const result = read({ ...base, mcpServers: servers }, { TOKEN: 's3cret' });
    expect(result.ok && result.config.servers.get('web')).toMatchObject({
      headers: { Authorization: 'Bearer s3cret' },
    });
    expect(errorsOf({ ...base, mcpServers: servers })[0]?.message).toContain('`TOKEN` is not set');
    const misplaced = errorsOf({ ...base, policy: '${env:POLICY}' }, { POLICY: 's3cret' });
    expect(misplaced[0]).toMatchObject({ path: 'policy', message: 'a substitution is not allowed here' });
    expect(JSON.stringify(misplaced)).not.toContain('s3cret');
    expect(
      errorsOf({ ...base, mcpServers: { a: { command: 'x', args: ['${claim.x}'] } } })[0]?.message,
    ).toContain('only `${env:NAME}`');
  });

  it('gives the position of broken JSON and of a repeated key', () => {
    expect(errorsOf('{\n "policy": "a.sep",\n}')[0]).toMatchObject({ line: 3 });
    expect(errorsOf('{"policy": "a",\n "policy": "b"}')[0]).toMatchObject({ line: 2 });
    expect(errorsOf('')[0]?.message).toBeTruthy();
  });

  it('refuses a listener off loopback without TLS and an anonymous principal there', () => {
    expect(errorsOf({ ...base, listen: { http: '0.0.0.0:4002' } })[0]).toMatchObject({ path: 'listen.http' });
    expect(errorsOf({ ...base, listen: { http: '0.0.0.0:4002', trustProxy: true } })).toEqual([]);
    const tls = { cert: 'tls.crt', key: 'tls.key' };
    expect(errorsOf({ ...base, listen: { http: '0.0.0.0:4002', tls } })).toEqual([]);
    expect(errorsOf({ ...base, listen: { tls: { cert: 'tls.crt' } } })).toHaveLength(1);
    const anonymous = {
      ...base,
      listen: { http: '0.0.0.0:4002', trustProxy: true },
      identity: { anonymous: 'agent:x' },
    };
    expect(errorsOf(anonymous)[0]).toMatchObject({ path: 'identity.anonymous' });
  });

  it.each([
    [{ listen: { http: '4002' } }, 'listen.http'],
    [{ identity: { sessionIdle: 'soon' } }, 'identity.sessionIdle'],
    [{ identity: { anonymous: 'bob' } }, 'identity.anonymous'],
    [{ listen: { limits: { perCredential: '600' } } }, 'listen.limits.perCredential'],
    [{ names: 'sometimes' }, 'names'],
    [{ mcpServers: { fs: {} } }, 'mcpServers.fs'],
    [{ mcpServers: { fs: { command: 'x', url: 'https://x' } } }, 'mcpServers.fs'],
    [{ mcpServers: { 'a/b': { command: 'x' } } }, 'mcpServers.a/b'],
    [{ mcpServers: { w: { url: 'ftp://x' } } }, 'mcpServers.w.url'],
    [{ mcpServers: { w: { url: 'https://x', type: 'sse' } } }, 'mcpServers.w.type'],
  ])('says where %j is wrong', (extra, path) => {
    const errors = errorsOf({ ...base, ...extra });
    expect(errors.map((e) => e.path)).toContain(path);
    for (const error of errors) expect(error.help).not.toBe('');
  });
});
