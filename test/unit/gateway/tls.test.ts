// SPDX-License-Identifier: Apache-2.0
// TLS of the HTTP front, with certificates that openssl makes; skipped where there is none.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { Gateway } from '../../../runtime/gateway/gateway.js';
import { tlsServer } from '../../../runtime/gateway/front/tls.js';
import { configOf, pin, policyOf, scratch, startGateway } from '../../helpers/gateway.js';

const OPENSSL = spawnSync('openssl', ['version']).status === 0;

/** A certificate for this name and its key, as files. */
function certificate(dir: string, name: string) {
  const [cert, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const args = ['req', '-x509', ...curve, '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert];
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  chmodSync(key, 0o600);
  return { cert, key };
}

/** The name in the certificate that a server shows. */
async function shown(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const { subject }: PeerCertificate = socket.getPeerCertificate();
  socket.destroy();
  return String(subject.CN);
}

let open: { gateway?: Gateway; server?: Server } = {};
afterEach(async () => {
  await open.gateway?.close();
  open.server?.close();
  open.server?.closeAllConnections();
  open = {};
});

async function listening(files: { cert: string; key: string }, said: string[]): Promise<number> {
  const server = tlsServer(
    files,
    {},
    (_, response) => response.end('yes'),
    (line) => said.push(line),
    20,
  );
  open.server = server;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (let i = 0; i < 400; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('it never came about');
};

describe.skipIf(!OPENSSL)('the HTTP front with TLS (needs openssl)', () => {
  it('answers clients that trust its certificate', async () => {
    const dir = scratch();
    const tls = certificate(dir, 'front');
    const config = configOf(dir, {
      mcpServers: {},
      identity: { anonymous: 'agent:tester' },
      listen: { http: '127.0.0.1:0', tls: { cert: 'front.crt', key: 'front.key' } },
    });
    expect(config.listen.tls).toEqual(tls);
    await pin(config);
    const { gateway } = await startGateway(
      config,
      policyOf(() => ({ effect: 'deny', rules: [] })),
    );
    open.gateway = gateway;
    const { port } = (await gateway.serveHttp()).address;
    const ask = (ca: Buffer | undefined): Promise<number> =>
      new Promise((resolve, reject) => {
        const get = request({ port, host: '127.0.0.1', path: '/healthz', ca }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        get.once('error', reject).end();
      });
    expect(await ask(readFileSync(tls.cert))).toBe(200);
    await expect(ask(undefined)).rejects.toThrow(/self-signed certificate/);
    const plain = fetch(`http://127.0.0.1:${port}/healthz`).then(({ status }) => status);
    await expect(plain).rejects.toThrow();
  });

  it('takes up a replaced certificate, and keeps the old one where the new one is none', async () => {
    const dir = scratch();
    const files = certificate(dir, 'one');
    const two = certificate(dir, 'two');
    const said: string[] = [];
    const port = await listening(files, said);
    expect(await shown(port)).toBe('one');
    writeFileSync(files.cert, 'nonsense');
    await until(() => said.some((line) => line.includes('from before is still in use')));
    expect(await shown(port)).toBe('one');
    copyFileSync(two.key, files.key);
    copyFileSync(two.cert, files.cert);
    await until(async () => (await shown(port)) === 'two');
    expect(said.at(-1)).toBe('the TLS certificate was replaced');
  });

  it('refuses files that are no certificate and its key, and a key that everybody may read', async () => {
    const dir = scratch();
    const [one, two] = [certificate(dir, 'one'), certificate(dir, 'two')];
    const made = (cert: string, key: string) => () =>
      tlsServer(
        { cert, key },
        {},
        () => undefined,
        () => undefined,
      );
    expect(made(one.cert, two.key)).toThrow(/are not a certificate and its key/);
    expect(made(join(dir, 'none.crt'), one.key)).toThrow(/cannot read the TLS certificate .*none\.crt/);
    expect(made(one.cert, join(dir, 'none.key'))).toThrow(/cannot read the TLS key .*none\.key/);
    chmodSync(one.key, 0o644);
    expect(made(one.cert, one.key)).toThrow(/everybody may read the TLS key/);
  });
});
