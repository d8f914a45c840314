// SPDX-License-Identifier: Apache-2.0
/** The auditor page: drop an export and a trust file, see what holds, browse the entries, inspect a decision and its replay. */
import type { Body } from '../../runtime/verify/format/body.js';
import type { Property, Report } from '../../runtime/verify/report.js';
import { audit, type Audit, type Dropped, type Row } from './audit.js';
import { library } from './crypto.js';
import { body, byId, el, type Elem, type Entry, type FileLike, filesOf } from './dom.js';

const PAGE = 200;
let shownAudit: Audit | null = null;
let from = 0;

type Named = { readonly path: string; readonly file: FileLike };

async function read(files: readonly Named[]): Promise<void> {
  if (files.length === 0) return;
  const dropped = await Promise.all(
    files.map(
      async ({ path, file }): Promise<Dropped> => ({ path, bytes: new Uint8Array(await file.arrayBuffer()) }),
    ),
  );
  known.push(...dropped.filter(({ path }) => !known.some((k) => k.path === path)));
  await check();
}

/** What was dropped so far: a log, a trust file and a policy may come one after another. */
const known: Dropped[] = [];

async function check(): Promise<void> {
  const status = byId('status');
  status.textContent = 'Reading …';
  status.className = 'busy';
  byId('result').hidden = true;
  try {
    shownAudit = await audit(known, (text) => (status.textContent = text));
    from = 0;
    status.className = '';
    const seconds = (shownAudit.milliseconds / 1000).toFixed(1);
    status.textContent = `Checked in ${seconds} s, signatures by ${library}. Nothing left this page.`;
    render(shownAudit);
  } catch (error) {
    status.className = 'fault';
    status.textContent = error instanceof Error ? error.message : String(error);
  }
}

const MEANING: { readonly [result in Report['result']]: string } = {
  pass: 'Nothing failed, and everything that must be checked was checked.',
  incomplete: 'Nothing failed, but something that must be checked could not be.',
  fail: 'Something does not hold. Do not rely on this log.',
};

function render({ report, rows, said }: Audit): void {
  byId('result').hidden = false;
  const verdict = byId('verdict');
  verdict.className = report.result;
  verdict.replaceChildren(
    el('strong', report.result.toUpperCase()),
    ` ${report.entries} ${report.entries === 1 ? 'entry' : 'entries'}. ${MEANING[report.result]}`,
  );
  byId('said').replaceChildren(...said.map((line) => el('li', line)));
  byId('properties').replaceChildren(...report.properties.map(propertyRow));
  byId('browse').hidden = rows.length === 0;
  renderRows();
}

function propertyRow({ name, status, detail, entry }: Property): Elem {
  const at = entry === null ? '' : `entry ${entry}`;
  const place = el('td', at);
  if (entry !== null) {
    place.className = 'link';
    place.tabIndex = 0;
    place.addEventListener('click', () => show(entry));
    place.addEventListener('keydown', (event) => (event.key === 'Enter' ? show(entry) : undefined));
  }
  return el(
    'tr',
    el('th', name),
    el(`td.${status === 'not checked' ? 'open' : status}`, status),
    place,
    el('td', detail),
  );
}

function matching(): readonly Row[] {
  const words = byId('filter')
    .value.toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const rows = shownAudit?.rows ?? [];
  if (words.length === 0) return rows;
  return rows.filter((row) => {
    const text =
      `${row.body.type} ${row.body.decision?.effect ?? ''} ${summary(row.body)} ${row.body.call ?? ''} ${row.replay ?? ''}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function renderRows(): void {
  const rows = matching();
  from = Math.max(0, Math.min(from, rows.length - 1));
  from -= from % PAGE;
  const part = rows.slice(from, from + PAGE);
  byId('rows').replaceChildren(...part.map(entryRow));
  byId('count').textContent =
    rows.length === 0 ? 'no entries' : `${from + 1} to ${from + part.length} of ${rows.length}`;
  byId('before').disabled = from === 0;
  byId('after').disabled = from + PAGE >= rows.length;
}

function entryRow(row: Row): Elem {
  const { body: own, replay } = row;
  const effect = own.decision?.effect ?? '';
  const line = el(
    'tr',
    el('td', String(own.seq)),
    el('td', own.time.replace('T', ' ').replace('Z', '')),
    el('td', own.type),
    el(`td.${effect === '' ? 'none' : effect}`, effect),
    el('td', summary(own)),
    el(
      `td.${replay === null ? 'none' : replay === 'match' ? 'pass' : replay.startsWith('mismatch') ? 'fail' : 'open'}`,
      replay?.split(':')[0] ?? '',
    ),
  );
  line.tabIndex = 0;
  line.addEventListener('click', () => inspect(row));
  line.addEventListener('keydown', (event) => (event.key === 'Enter' ? inspect(row) : undefined));
  return line;
}

function summary({
  principal,
  intent,
  decision,
  outcome,
  approval,
  policy,
  event,
  key,
  recovery,
}: Body): string {
  if (decision !== undefined && intent !== undefined) {
    const rules = decision.default ? 'default' : decision.rules.join(', ');
    const user = principal?.on_behalf_of === undefined ? '' : ` for ${principal.on_behalf_of.id}`;
    const why = decision.reason === undefined ? '' : ` – ${decision.reason}`;
    return `${principal?.id ?? ''}${user} → ${intent.server}/${intent.name} by ${rules}${why}`;
  }
  if (intent !== undefined) return `${principal?.id ?? ''} → ${intent.server}/${intent.name}`;
  if (outcome !== undefined)
    return outcome.ms === undefined ? outcome.status : `${outcome.status} in ${outcome.ms} ms`;
  if (approval !== undefined) return `${approval.verdict} by ${approval.approver.id}`;
  if (policy !== undefined) return `${policy.name} ${policy.version}`;
  if (event !== undefined) return `${event.kind} ${event.detail ?? ''}`;
  if (key !== undefined) return `${key.purpose} ${key.key.split('+').slice(0, 2).join('+')}`;
  if (recovery !== undefined) return `${recovery.cut} bytes cut, ${recovery.unknown} calls unknown`;
  return '';
}

function show(seq: number): void {
  const row = shownAudit?.rows.find((one) => one.body.seq === seq);
  if (row !== undefined) inspect(row);
}

function inspect({ body: own, leaf, disclosure, replay }: Row): void {
  const facts: [string, string][] = [['leaf', leaf]];
  if (replay !== null) facts.push(['replay', replay]);
  const linked = (shownAudit?.rows ?? []).filter(
    (row) => own.call !== undefined && row.body.call === own.call && row.body.seq !== own.seq,
  );
  const life = linked.map((row) => {
    const link = el(
      'button.link',
      `${row.body.seq} ${row.body.type} ${row.body.decision?.effect ?? row.body.outcome?.status ?? ''}`,
    );
    link.addEventListener('click', () => inspect(row));
    return link;
  });
  byId('inspector').replaceChildren(
    el('h2', `Entry ${own.seq}: ${own.type}`),
    el('p', summary(own)),
    el('dl', ...facts.flatMap(([name, value]) => [el('dt', name), el('dd', value)])),
    ...(life.length === 0 ? [] : [el('h3', 'The same call'), el('p.life', ...life)]),
    ...(disclosure === null
      ? []
      : [el('h3', 'What is opened of it'), el('pre', JSON.stringify(opened(disclosure), null, 2))]),
    el('h3', 'Body'),
    el('pre', JSON.stringify(own, null, 2)),
  );
  byId('inspector').hidden = false;
  byId('inspector').scrollIntoView({ block: 'nearest' });
}

/** Values only; proofs have been checked. */
function opened(disclosure: NonNullable<Row['disclosure']>): unknown {
  const values = (list: readonly { readonly pointer: string; readonly value: unknown }[] | undefined) =>
    Object.fromEntries((list ?? []).map(({ pointer, value }) => [pointer, value]));
  const { open, intent, facts, result } = disclosure;
  if (open !== undefined) return { ...values(open.args), ...values(open.facts) };
  const parsed = (text: string | undefined): unknown =>
    text === undefined ? undefined : (JSON.parse(text) as unknown);
  return { intent: parsed(intent), facts: parsed(facts), result };
}

function listen(): void {
  const zone = byId('drop');
  body().addEventListener('dragover', (event) => {
    event.preventDefault();
    zone.className = 'over';
  });
  body().addEventListener('dragleave', () => (zone.className = ''));
  body().addEventListener('drop', (event) => {
    event.preventDefault();
    zone.className = '';
    const entries = [...(event.dataTransfer?.items ?? [])]
      .map((item) => item.webkitGetAsEntry())
      .filter((entry): entry is Entry => entry !== null);
    void filesOf(entries).then(read);
  });
  for (const id of ['folder', 'files']) {
    const input = byId(id);
    input.addEventListener('change', () => {
      const files = [...(input.files ?? [])].map((file) => ({
        path: file.webkitRelativePath || file.name,
        file,
      }));
      void read(files);
    });
    byId(`choose-${id}`).addEventListener('click', () => input.click());
  }
  byId('clear').addEventListener('click', () => {
    known.length = 0;
    shownAudit = null;
    byId('result').hidden = true;
    byId('inspector').hidden = true;
    byId('status').textContent = '';
  });
  byId('filter').addEventListener('input', () => {
    from = 0;
    renderRows();
  });
  byId('before').addEventListener('click', () => {
    from -= PAGE;
    renderRows();
  });
  byId('after').addEventListener('click', () => {
    from += PAGE;
    renderRows();
  });
}

listen();
