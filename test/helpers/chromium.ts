// SPDX-License-Identifier: Apache-2.0
/** Debian's Chromium over its DevTools protocol: enough to open a page from disk, hand it files, ask it questions, and look at it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'undici';

export const chromium =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) => existsSync(path)) ?? null;

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly [name: string]: unknown };
  readonly result?: { readonly [name: string]: unknown };
  readonly error?: { readonly message: string };
}

export class Browser {
  /** Every address that the page asked for, and what it wrote to its console. */
  readonly requests: string[] = [];
  readonly console: string[] = [];
  private readonly child: ChildProcess;
  private readonly profile: string;
  private readonly socket: WebSocket;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private next = 1;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.child = child;
    this.profile = profile;
    this.socket = socket;
    socket.addEventListener('message', ({ data }) => this.heard(JSON.parse(String(data)) as Reply));
  }

  /** Opens a page; no name resolves, so that nothing but files can be had. */
  static async open(url: string): Promise<Browser> {
    const { child, profile, address } = await started();
    const socket = new WebSocket(address);
    await new Promise((done, failed) => {
      socket.addEventListener('open', done);
      socket.addEventListener('error', failed);
    });
    const browser = new Browser(child, profile, socket);
    for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'DOM']) await browser.send(`${domain}.enable`);
    await browser.send('Page.navigate', { url });
    await browser.until('document.readyState === "complete"');
    return browser;
  }

  private heard(reply: Reply): void {
    const params = reply.params ?? {};
    if (reply.id !== undefined) {
      this.waiting.get(reply.id)?.(reply);
      this.waiting.delete(reply.id);
    } else if (reply.method === 'Network.requestWillBeSent') {
      this.requests.push((params['request'] as { url: string }).url);
    } else if (reply.method === 'Log.entryAdded') {
      this.console.push((params['entry'] as { text: string }).text);
    } else if (reply.method === 'Runtime.exceptionThrown') {
      this.console.push(JSON.stringify(params));
    }
  }

  async send(method: string, params: object = {}): Promise<{ readonly [name: string]: unknown }> {
    const id = this.next++;
    const reply = await new Promise<Reply>((done) => {
      this.waiting.set(id, done);
      this.socket.send(JSON.stringify({ id, method, params }));
    });
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply.result ?? {};
  }

  /** The value of an expression in the page. */
  async ask(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result?: { value?: unknown }; exceptionDetails?: object };
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return result?.value;
  }

  async until(expression: string, seconds = 60): Promise<void> {
    await eventually(async () => ((await this.ask(expression)) === true ? true : null), seconds);
  }

  async giveFiles(id: string, files: readonly string[]): Promise<void> {
    const { root } = (await this.send('DOM.getDocument')) as { root: { nodeId: number } };
    const { nodeId } = await this.send('DOM.querySelector', { nodeId: root.nodeId, selector: `#${id}` });
    await this.send('DOM.setFileInputFiles', { nodeId, files });
  }

  async screenshot(path: string): Promise<void> {
    const { data } = await this.send('Page.captureScreenshot', {
      format: 'png',
      captureBeyondViewport: true,
    });
    writeFileSync(path, Buffer.from(String(data), 'base64'));
  }

  async close(): Promise<void> {
    this.socket.close();
    await end(this.child, this.profile);
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly profile: string;
  /** Of its one page. */
  readonly address: string;
}

/** Now and then a Chromium on a busy machine starts and never has a page: then it is another one's turn. */
async function started(tries = 3): Promise<Started> {
  const profile = mkdtempSync(join(tmpdir(), 'sepal-chromium-'));
  const child = spawn(
    chromium ?? 'chromium',
    [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--host-resolver-rules=MAP * ~NOTFOUND',
      '--remote-debugging-port=0',
      '--window-size=1400,1000',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    // A group of its own, so that all of its processes end with it.
    { stdio: 'ignore', detached: true },
  );
  try {
    const port = await eventually(() => {
      const file = join(profile, 'DevToolsActivePort');
      return existsSync(file) ? (readFileSync(file, 'utf8').split('\n')[0] ?? null) : null;
    });
    const page = await eventually(async () => {
      const list = (await (await fetch(`http://127.0.0.1:${port}/json/list`, soon())).json()) as {
        type: string;
        webSocketDebuggerUrl: string;
      }[];
      return list.find(({ type }) => type === 'page') ?? null;
    });
    return { child, profile, address: page.webSocketDebuggerUrl };
  } catch (error) {
    await end(child, profile);
    if (tries <= 1) throw error;
    return started(tries - 1);
  }
}

const soon = () => ({ signal: AbortSignal.timeout(5_000) });

async function end(child: ChildProcess, profile: string): Promise<void> {
  const gone = new Promise((done) => child.once('exit', done));
  if (child.exitCode === null && child.pid !== undefined) {
    process.kill(-child.pid, 'SIGKILL');
    await gone;
  }
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}

async function eventually<T>(ask: () => T | null | Promise<T | null>, seconds = 20): Promise<T> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const value = await Promise.resolve(ask()).catch(() => null);
    if (value !== null) return value;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('it did not happen in time');
}
