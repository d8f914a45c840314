// SPDX-License-Identifier: Apache-2.0
// The thread beside the language server: what takes longer than an answer may, on the texts that the editor holds.
import { parentPort, workerData } from 'node:worker_threads';
import { answer, type Job } from './background-job.js';

// A failure ends the thread, and is told as such.
parentPort?.postMessage(await answer(workerData as Job));
