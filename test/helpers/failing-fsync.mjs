// SPDX-License-Identifier: Apache-2.0
// Preloaded into a gateway: from the moment that a file is there, the disk takes writes and loses them, and says so when it is flushed.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const sign = process.env.FLUSH_FAILS_WHEN ?? '';
const flush = fs.fdatasync;
fs.fdatasync = (fd, done) =>
  fs.existsSync(sign)
    ? done(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }))
    : flush(fd, done);
syncBuiltinESMExports();
